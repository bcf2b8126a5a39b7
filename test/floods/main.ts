/**
 * What a flood from one principal of the network does to others: latencies of a client of this machine and
 * of another principal, and the memory of the broker, before and during it. Prints; nothing passes or fails by it.
 * `npm run -s build && node dist/test/floods/main.js [SECONDS] [FLOOD…]`
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { type Client, connect } from '../../clients/sdk/index.ts'
import { newKeyPair } from '../../protocol/keys/key-pair.ts'
import type { DoorInfo } from '../../protocol/methods/key.ts'
import { ownKeys } from '../../protocol/process/key-file.ts'
import { type PartProcess, startPart, startProgram } from '../chaos/part-process.ts'
import type { FlooderOptions } from './flooder.ts'
import { FLOODS, type FloodKind } from './kinds.ts'

const FLOODER = fileURLToPath(new URL('./flooder.js', import.meta.url))
/** A call of the good clients each, ms. */
const EVERY_MS = 5
const DEADLINE_MS = 10_000

interface Figures {
  readonly calls: number
  readonly failed: number
  readonly p50: number
  readonly p99: number
  readonly worst: number
}

/** Calls at a steady pace, whether or not the earlier ones have been answered. */
async function measure(client: Client, forMs: number): Promise<Figures> {
  const latencies: number[] = []
  let failed = 0
  const under: Promise<void>[] = []
  const begun = performance.now()
  for (let at = 0; at < forMs; at += EVERY_MS) {
    await sleep(Math.max(0, begun + at - performance.now()))
    const due = begun + at
    under.push(
      client.call('system.info', {}, { deadlineMs: DEADLINE_MS }).then(
        () => void latencies.push(performance.now() - due),
        () => {
          failed += 1
        },
      ),
    )
  }
  await Promise.all(under)
  latencies.sort((a, b) => a - b)
  const at = (share: number) => latencies[Math.floor(latencies.length * share)] ?? Number.NaN
  return { calls: under.length, failed, p50: at(0.5), p99: at(0.99), worst: at(0.999999) }
}

function shown({ calls, failed, p50, p99, worst }: Figures): string {
  const ms = (value: number) => `${value.toFixed(1)} ms`
  return `${calls} calls, ${failed} failed, p50 ${ms(p50)}, p99 ${ms(p99)}, worst ${ms(worst)}`
}

function residentMb(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024)
}

async function stage(dir: string) {
  const onSurprise = (what: string) => process.stdout.write(`  ! ${what}\n`)
  const args = ['--listen', 'tcp://127.0.0.1:*']
  const broker = await startPart({ name: 'broker', part: 'broker', dir, args, onSurprise })
  const admin = await connect({ dir })
  const { door } = await admin.call('key.list', {})
  return { broker, admin, door, onSurprise }
}

async function friend(dir: string, admin: Client, door: DoorInfo): Promise<Client> {
  const keyFile = join(dir, 'good.key')
  const { publicKey } = ownKeys(keyFile, randomBytes)
  await admin.call('key.add', { principal: 'good', key: publicKey, roles: ['operator'] })
  return connect({ dir, endpoint: door.endpoint, brokerKey: door.key, keyFile })
}

async function peak(broker: PartProcess, during: Promise<unknown>): Promise<number> {
  let most = 0
  let isOver = false
  void during.finally(() => {
    isOver = true
  })
  while (!isOver && !broker.hasEnded) {
    most = Math.max(most, residentMb(broker.pid))
    await sleep(100)
  }
  return most
}

async function scenario(kind: FloodKind, forMs: number): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'amq-'))
  const { broker, admin, door, onSurprise } = await stage(dir)
  const good = await friend(dir, admin, door)
  const own = newKeyPair(randomBytes)
  await admin.call('key.add', { principal: 'mallory', key: own.publicKey, roles: ['operator'] })
  try {
    process.stdout.write(`${kind}\n`)
    const both = () => Promise.all([measure(admin, forMs), measure(good, forMs)])
    const [localBefore, remoteBefore] = await both()
    const before = residentMb(broker.pid)
    const { endpoint, streams, key: brokerKey } = door
    const options: FlooderOptions = { kind, endpoint, streams, brokerKey, own }
    const flooder = await startProgram({
      name: 'flooder',
      program: FLOODER,
      dir,
      options,
      onSurprise,
    })
    let sent = 0
    flooder.process.on('message', (said: { readonly sent: number }) => {
      sent = said.sent
    })
    await sleep(500)
    const during = both()
    const most = await peak(broker, during)
    const [local, remote] = await during
    await flooder.end('SIGKILL')
    await sleep(1000)
    const after = broker.hasEnded ? Number.NaN : residentMb(broker.pid)
    process.stdout.write(
      [
        `  local    before ${shown(localBefore)}`,
        `           during ${shown(local)}`,
        `  network  before ${shown(remoteBefore)}`,
        `           during ${shown(remote)}`,
        `  broker   ${before} MB before, ${most} MB at most, ${after} MB after; the flood sent ${sent}\n`,
      ].join('\n'),
    )
  } finally {
    await Promise.race([Promise.all([good.close(), admin.close()]), sleep(2000)])
    await broker.end('SIGKILL')
    rmSync(dir, { recursive: true, force: true, maxRetries: 5 })
  }
}

const [seconds = '5', ...names] = process.argv.slice(2)
const kinds = (names.length > 0 ? names : Object.keys(FLOODS)) as FloodKind[]
for (const kind of kinds) await scenario(kind, Number(seconds) * 1000)
process.exit(0)
