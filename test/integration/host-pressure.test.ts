/** A host between an agent that floods and a broker that does not take it: bounded, and nothing lost. */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { HOST_VARIABLE } from '../../agent-host/process/markers.ts'
import type { StreamItem } from '../../clients/sdk/index.ts'
import { only, textOf, turn, until } from '../support/chunks.ts'
import { Cluster } from '../support/cluster.ts'
import { tree } from '../support/processes.ts'

const MB = 1024 * 1024
const BLOCK = '0123456789abcde '
const isText = ({ type }: StreamItem): boolean => type === 'text'
const isTurnEnd = ({ type }: StreamItem): boolean => type === 'turn_complete'

/** A number from a file of /proc; undefined when the process is gone. */
function procNumber(pid: number, file: string, name: string): number | undefined {
  const path = `/proc/${pid}/${file}`
  if (!existsSync(path)) return undefined
  const match = new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(path, 'utf8'))
  return match === null ? undefined : Number(match[1])
}

const rssMb = (pid: number) => Math.round((procNumber(pid, 'status', 'VmRSS') ?? 0) / 1024)
const written = (pid: number) => procNumber(pid, 'io', 'wchar')

/** Waits until a process has written nothing for a while; how much it has written. */
async function stalled(pid: number): Promise<number> {
  for (let last = -1, quiet = 0; quiet < 5; ) {
    await delay(100) // there is no event for what does not happen
    const now = written(pid) ?? 0
    quiet = now === last ? quiet + 1 : 0
    last = now
  }
  return written(pid) ?? 0
}

async function stage(t: Test, ...args: string[]) {
  const cluster = await Cluster.make(t)
  const broker = await cluster.broker()
  const host = await cluster.host({
    args: ['--stop-ms', '300', ...args],
    env: { AGENTMQ_DEMO_RECORD: join(cluster.dir, 'record') },
  })
  const client = await cluster.connect()
  const session = await client.createSession({ backend: 'demo', cwd: cluster.workspace })
  const child = session.info.pid ?? 0
  t.teardown(() => broker.process.kill('SIGCONT'))
  return { cluster, broker, host, client, session, child }
}

t.test('a broker that hangs stops the agent, not the memory of the host', async (t) => {
  const { broker, host, session, child } = await stage(t)
  const size = 40_000_000
  const before = rssMb(host.pid)
  await session.prompt(`@@huge(${size})`)
  const reading = until(session.follow(), isTurnEnd)
  await until(session.follow(), isText)
  broker.process.kill('SIGSTOP')
  const held = await stalled(child)
  t.ok(held < size / 2, `the agent is blocked after ${(held / MB).toFixed(1)} MB`)
  const during = rssMb(host.pid)
  t.ok(during < before + 150, `the host has ${during} MB, ${before} MB before`)
  t.comment(`blocked at ${(held / MB).toFixed(1)} MB; host ${before} -> ${during} MB`)
  broker.process.kill('SIGCONT')
  const seen = await reading
  t.ok(textOf(seen) === BLOCK.repeat(size / BLOCK.length), 'all of it arrived')
  t.match(seen.at(-1), { turn_number: 1, reason: 'end_turn' })
  t.comment(`host ${rssMb(host.pid)} MB after all has arrived`)
})

t.test('a flood of small chunks is bounded as well', async (t) => {
  const { broker, host, session, child } = await stage(t)
  const before = rssMb(host.pid)
  const calls = 15_000 // three chunks each, which cannot be merged
  await session.prompt('@@tool '.repeat(calls))
  const reading = until(session.follow(), isTurnEnd)
  await until(session.follow(), ({ type }) => type === 'tool_result')
  broker.process.kill('SIGSTOP')
  const held = await stalled(child)
  const during = rssMb(host.pid)
  t.ok(during < before + 150, `the host has ${during} MB, ${before} MB before`)
  t.comment(`blocked at ${(held / MB).toFixed(1)} MB; host ${before} -> ${during} MB`)
  broker.process.kill('SIGCONT')
  const seen = await reading
  const [starts, results] = [only(seen, 'tool_use_start'), only(seen, 'tool_result')]
  t.equal(results.length, calls)
  t.strictSame(
    results.map(({ tool_id }) => tool_id),
    starts.map(({ tool_id }) => tool_id),
  )
})

t.test('a host that is full ends in time without a broker', async (t) => {
  const { cluster, broker, host, session, child } = await stage(t)
  await session.prompt('@@huge(400000000)')
  await until(session.follow(), isText)
  await cluster.signal(broker, 'SIGKILL')
  await stalled(child)
  const since = performance.now()
  t.equal(await cluster.signal(host, 'SIGTERM'), 0)
  t.comment(`host ended after ${Math.round(performance.now() - since)} ms`)
  t.strictSame(tree.marked({ [HOST_VARIABLE]: String(host.ready['host']) }), [])
})

t.test('a flood of one session does not starve another', async (t) => {
  const { cluster, client, session } = await stage(t)
  await session.prompt('@@huge(400000000)')
  await until(session.follow(), isText)
  const other = await client.createSession({ backend: 'demo', cwd: cluster.workspace })
  const times: number[] = []
  for (let round = 0; round < 5; round += 1) {
    const since = performance.now()
    t.equal(only(await turn(other, '@@echo(hi)'), 'text').length, 1)
    times.push(Math.round(performance.now() - since))
  }
  t.comment(`turns beside a flood took ${times.join(', ')} ms`)
  t.ok(Math.max(...times) < 3000)
  await Promise.all([session.kill(), other.kill()])
})

interface Held {
  readonly peak_bytes: number
  readonly all_peak_bytes: number
}

/** What the host itself has accounted for each time it read an agent again. */
function accounted(cluster: Cluster): Held[] {
  return cluster
    .logOf('agent-host')
    .split('\n')
    .filter((line) => line.includes('"agent read again"'))
    .map((line) => JSON.parse(line) as Held)
}

/** What the lines of one read may add after the budget is used up; docs/reliability.md. */
const ONE_READ = 4 * 128 * 1024

/** Text that the agent has recorded before it wrote it. */
function recorded(cluster: Cluster, session: string): number {
  const path = join(cluster.dir, 'record', `${session}.ndjson`)
  return existsSync(path) ? statSync(path).size : 0
}

t.test(
  'what the host holds stays within its budgets, and all of it arrives in the end',
  async (t) => {
    const [each, all] = [1024 * 1024, 2 * 1024 * 1024]
    const budgets = ['--session-buffer-bytes', String(each), '--buffer-bytes', String(all)]
    const { cluster, broker, client, session } = await stage(t, ...budgets, '--log-level', 'debug')
    const others = await Promise.all(
      [1, 2, 3].map(() => client.createSession({ backend: 'demo', cwd: cluster.workspace })),
    )
    const sessions = [session, ...others]
    const size = 12_000_000
    await Promise.all(sessions.map((one) => one.prompt(`@@huge(${size})`)))
    const reading = sessions.map((one) => until(one.follow(), isTurnEnd))
    await Promise.all(sessions.map((one) => until(one.follow(), isText)))
    broker.process.kill('SIGSTOP')
    const native = sessions.map(({ info }) => info.native_session_id)
    await Promise.all(sessions.map(({ info }) => stalled(info.pid ?? 0)))
    const blocked = native.map((id) => recorded(cluster, id))
    t.ok(
      blocked.every((bytes) => bytes > 0 && bytes < size),
      `by their own records the agents are blocked after ${blocked.join(', ')} bytes`,
    )
    broker.process.kill('SIGCONT')
    for (const [index, seen] of (await Promise.all(reading)).entries()) {
      t.ok(textOf(seen) === BLOCK.repeat(size / BLOCK.length), `all of session ${index} arrived`)
      t.ok(recorded(cluster, native[index] ?? '') >= size)
    }
    const held = accounted(cluster)
    const most = (of: (one: Held) => number) => Math.max(0, ...held.map(of))
    const [session_, together] = [most((one) => one.peak_bytes), most((one) => one.all_peak_bytes)]
    t.ok(together >= all, 'the budget of all was used up')
    t.ok(session_ <= each + ONE_READ, `one session held at most ${session_} bytes`)
    t.ok(together <= all + sessions.length * ONE_READ, `all held at most ${together} bytes`)
    t.comment(`held at most ${session_} bytes each, ${together} together`)
  },
)
