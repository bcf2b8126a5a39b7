/** A principal that floods a broker from a process of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { Client } from '../../clients/sdk/index.ts'
import { newKeyPair } from '../../protocol/keys/key-pair.ts'
import type { Role } from '../../protocol/messages/handshake.ts'
import type { FlooderOptions } from '../floods/flooder.ts'
import type { FloodKind } from '../floods/kinds.ts'
import { BARE_NODE } from './bare-node.ts'

const FLOODER = fileURLToPath(new URL('../floods/flooder.js', import.meta.url))

export class Flooding {
  readonly #child: ChildProcess
  /** Messages, frames or connections that it has made, as it tells every now and then. */
  sent = 0

  #onBegun: () => void = () => undefined
  /** Resolves when it has sent something. */
  readonly begun = new Promise<void>((resolve) => {
    this.#onBegun = resolve
  })

  private constructor(child: ChildProcess) {
    this.#child = child
    child.on('message', (said: { readonly sent: number }) => {
      this.sent = said.sent
      if (said.sent > 0) this.#onBegun()
    })
  }

  /** Has begun, with the rights of an operator; ends with the test. */
  static async start(
    t: Test,
    { admin, kind, role = 'operator' }: { admin: Client; kind: FloodKind; role?: Role },
  ): Promise<Flooding> {
    const own = newKeyPair(randomBytes)
    await admin.call('key.add', { principal: 'mallory', key: own.publicKey, roles: [role] })
    const { door } = await admin.call('key.list', {})
    const { endpoint, streams, key: brokerKey } = door
    const options: FlooderOptions = { kind, endpoint, streams, brokerKey, own }
    const [command, ...before] = BARE_NODE
    const child = spawn(command, [...before, FLOODER, JSON.stringify(options)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    })
    t.teardown(() => child.kill('SIGKILL'))
    const flooding = new Flooding(child)
    await flooding.begun
    return flooding
  }

  stop(): void {
    this.#child.kill('SIGKILL')
  }
}

/** Resident memory of a process, MB. */
export function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024)
}
