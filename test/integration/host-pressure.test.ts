/** A host between an agent that floods and a broker that does not take it: bounded, and nothing lost. */
import { existsSync, readFileSync } from 'node:fs'
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

async function stage(t: Test) {
  const cluster = await Cluster.make(t)
  const broker = await cluster.broker()
  const host = await cluster.host({ args: ['--stop-ms', '300'] })
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
