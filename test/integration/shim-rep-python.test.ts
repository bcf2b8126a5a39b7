/** A client in another language, over libzmq and with bytes made by hand, through the end of a shim. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createInterface, type Interface } from 'node:readline'
import { Packr } from 'msgpackr'
import t, { type Test } from 'tap'
import { Cluster } from '../support/cluster.ts'

const SCRIPT = new URL('../../../test/support/python/rep_client.py', import.meta.url).pathname
const packr = new Packr({ useRecords: false, variableMapSize: true })

const python = ['python3', '/usr/bin/python3'].find(
  (name) => spawnSync(name, ['-c', 'import zmq'], { timeout: 60_000 }).status === 0,
)

class PythonClient {
  readonly #child: ChildProcess
  readonly #lines: Interface

  constructor(t: Test, program: string, endpoint: string) {
    this.#child = spawn(program, [SCRIPT, endpoint], { stdio: ['pipe', 'pipe', 'inherit'] })
    t.teardown(() => this.#child.kill('SIGKILL'))
    const { stdout } = this.#child
    if (!stdout) throw new Error('no output')
    this.#lines = createInterface({ input: stdout })
  }

  async ask(hex: string): Promise<readonly unknown[]> {
    const line = once(this.#lines, 'line')
    this.#child.stdin?.write(`${hex.replaceAll(' ', '')}\n`)
    const [reply] = (await line) as [string]
    return packr.unpack(Buffer.from(reply, 'hex')) as readonly unknown[]
  }

  /** Resolves with the exit code. */
  async end(): Promise<unknown> {
    const exited = once(this.#child, 'exit')
    this.#child.stdin?.end()
    return (await exited)[0]
  }
}

const text = (value: string): string => Buffer.from(value).toString('hex')
/** A short MessagePack string. */
const str = (value: string): string => {
  const length = Buffer.byteLength(value)
  return (length < 32 ? (0xa0 + length).toString(16) : `d9${length.toString(16)}`) + text(value)
}

const skip = python === undefined ? 'no python3 with zmq (Debian: python3-zmq)' : false

t.test('python with pyzmq', { skip }, async (t) => {
  const cluster = await Cluster.make(t)
  await cluster.broker()
  const commands = JSON.stringify({ cat: { command: 'cat', idle_ms: 50, extra_args: true } })
  await cluster.host({ args: ['--root', cluster.workspace, '--stdio-commands', commands] })
  const shim = await cluster.shim()
  const endpoint = (shim.ready['doors'] as { rep: string[] }).rep[0] ?? ''
  const client = new PythonClient(t, python ?? '', endpoint)

  // The worked example (a) of the old protocol.
  const health =
    '92 b4 68 65 61 6c 74 68 5f 63 68 65 63 6b 5f 72 65 71 75 65 73 74 a8 74 65 73 74 2d 31 32 33'
  t.match(await client.ask(health), { 0: 'health_check_response', 1: 'test-123', 2: true, 5: 0 })
  const config = `96 ${str('Ann')} ${str('cat-cli')} ${str('-')} c0 c0 80`
  const spawned = await client.ask(`95 ${str('spawn_request')} ${str('r1')} ${config} 1e c0`)
  t.match(spawned, { 0: 'spawn_response', 1: 'r1', 2: true, 3: { 1: 'Ann', 2: 'running' } })
  const id = (spawned[3] as readonly unknown[])[0] as Buffer
  const command = (name: string, payload = 'c0'): Promise<readonly unknown[]> =>
    client.ask(
      `95 ${str('control_command')} ${str('req-1')} c410${id.toString('hex')} ${str(name)} ${payload}`,
    )
  t.match(await command('pause'), { 2: id, 3: true, 4: 'paused', 5: { mode: 'cooperative' } })

  t.test('goes on when the shim was killed and started again', async (t) => {
    await cluster.signal(shim, 'SIGKILL')
    const waiting = command('resume')
    await cluster.shim({ args: ['--rep-port', new URL(endpoint).port] })
    t.match(await waiting, { 3: true, 4: 'running' })
    t.match(await command('write_stdin', `81 ${str('data')} ${str('aGkK')}`), {
      5: { bytes_written: 3 },
    })
    t.match(await command('kill'), { 3: true, 4: 'terminated', 6: null })
    t.match(await client.ask(health), { 5: 0 })
    t.equal(await client.end(), 0)
  })
})
