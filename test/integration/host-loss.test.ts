/** The end of a host and of a broker, wished or not: nothing is lost, and nothing is left running. */
import t, { type Test } from 'tap'
import { HOST_VARIABLE } from '../../agent-host/process/markers.ts'
import type { SessionHandle, StreamItem } from '../../clients/sdk/index.ts'
import { only, textOf, turn, until } from '../support/chunks.ts'
import { Cluster } from '../support/cluster.ts'
import { oddClaude } from '../support/odd-claude.ts'
import { eventually, tree } from '../support/processes.ts'

const isEnd = ({ type }: StreamItem): boolean => type === 'complete'
const isTurnEnd = ({ type }: StreamItem): boolean => type === 'turn_complete'
const isText = ({ type }: StreamItem): boolean => type === 'text'
const isStatus = (status: string) => (item: StreamItem) =>
  item.type === 'status' && item.status === status
const upTo = (n: number) => Array.from({ length: n }, (_, index) => `${index + 1} `).join('')
const sequences = (items: readonly StreamItem[]) =>
  items.map((item) => ('seq' in item ? item.seq : undefined))

async function stage(t: Test, args: readonly string[] = []) {
  const cluster = await Cluster.make(t)
  const broker = await cluster.broker()
  const host = await cluster.host({ args })
  const client = await cluster.connect()
  const create = (more: object = {}): Promise<SessionHandle> =>
    client.createSession({ backend: 'demo', cwd: cluster.workspace, ...more })
  const running = () => tree.marked({ [HOST_VARIABLE]: String(host.ready['host']) })
  return { cluster, broker, host, client, create, running }
}

t.test('a host that is killed leaves nothing behind, and its sessions can go on', async (t) => {
  const { cluster, host, create, running } = await stage(t)
  const [busy, idle] = await Promise.all([create(), create()])
  await turn(idle, '@@fork')
  await busy.prompt('@@echo(working) @@hang')
  await until(busy.follow(), isText)
  t.equal(running().length, 3)
  const since = performance.now()
  const lost = Promise.all([busy, idle].map((one) => until(one.follow(), isStatus('lost'))))
  await cluster.signal(host, 'SIGKILL')
  await lost
  const toldMs = performance.now() - since
  t.ok(toldMs < 2000, `readers were told after ${Math.round(toldMs)} ms`)
  t.match(await busy.refresh(), { status: 'lost' })
  await t.rejects(busy.prompt('are you there?', { deadlineMs: 300 }), { code: 'HOST_LOST' })
  await eventually(() => running().length === 0, 'the guardian to end what was left')
  t.comment(`nothing was left after ${Math.round(performance.now() - since)} ms`)

  const again = await cluster.host()
  t.equal(again.ready['host'], host.ready['host'], 'the host keeps its id')
  const seen = await until(busy.follow(), isEnd)
  t.match(seen.at(-1), { exit_code: null, reason: /no longer has it/ })
  t.match(only(seen, 'turn_complete'), [{ turn_number: 1, reason: 'gone' }])
  t.match(await busy.refresh(), { status: 'failed', pid: null })
  t.match(await busy.recover(), { status: 'idle', epoch: 2 })
  t.match(textOf(await turn(busy, '@@recall')), /^I remember 1 earlier turns.*working/)
})

t.test('a host that is told to end ends its sessions, and says why', async (t) => {
  const { cluster, host, create, running } = await stage(t)
  const [busy, idle] = await Promise.all([create(), create()])
  await busy.prompt('@@hang')
  await busy.prompt('never begun')
  const end = await cluster.signal(host, 'SIGTERM')
  t.equal(end, 0, 'exit code')
  t.equal(running().length, 0)
  const seen = await until(busy.follow(), isEnd)
  const reasons = only(seen, 'turn_complete').map(({ reason }) => reason)
  t.strictSame(reasons, ['interrupted', 'gone'])
  t.match(seen.at(-1), { reason: 'its host was shut down', session_id: busy.id })
  t.match(await idle.refresh(), { status: 'ended', exit_code: 0, pid: null })
  t.strictSame(only(await until(idle.follow(), isEnd), 'turn_complete'), [])
})

t.test(
  'a second host of the same name is refused, and the first one is not disturbed',
  async (t) => {
    const { cluster, host, create } = await stage(t)
    const session = await create()
    await t.rejects(cluster.host(), { message: /ended with 5.*in use by process/s })
    t.equal(textOf(await turn(session, '@@echo(still here)')), 'still here')
    t.equal(host.process.exitCode, null)
  },
)

t.test('a broker that is killed in the middle of a stream costs no chunk', async (t) => {
  const { cluster, broker, create } = await stage(t)
  const session = await create()
  await session.prompt('@@count(30000)')
  const reading = until(session.follow(), isTurnEnd)
  await until(session.follow(), isText)
  await cluster.signal(broker, 'SIGKILL')
  await cluster.broker()
  const seen = await reading
  t.ok(textOf(seen) === upTo(30_000), 'exactly 1..n in order')
  t.strictSame(sequences(seen), sequences(seen.map((item, index) => ({ ...item, seq: index + 1 }))))
  t.match(textOf(await turn(session, '@@recall')), /^I remember 1 earlier turns/)
})

t.test('a start that outlives its broker ends where readers see it', async (t) => {
  const cluster = await Cluster.make(t)
  const broker = await cluster.broker()
  const args = ['--claude-command', oddClaude(cluster.dir), '--start-ms', '2500']
  const host = await cluster.host({ args })
  const client = await cluster.connect()
  const params = { backend: 'claude', cwd: cluster.workspace, model: 'hang', name: 'hanging' }
  const asked = t.rejects(client.createSession(params), { code: 'BROKER_RESTARTED' })
  const running = () => tree.marked({ [HOST_VARIABLE]: String(host.ready['host']) })
  await eventually(() => running().length === 1, 'the agent to be started')
  await cluster.signal(broker, 'SIGKILL')
  await cluster.broker()
  await asked
  const session = client.session('hanging')
  const seen = await until(session.follow(), isEnd)
  t.match(seen.at(-1), { exit_code: null }) // told by the host, or by the broker if it was back too late
  t.match(await session.refresh(), { status: 'failed', pid: null })
  t.equal(running().length, 0)
})

t.test('prompts that start their sessions go through a restart, each once', async (t) => {
  const { cluster, broker, create, running } = await stage(t)
  const more = { start: 'on_prompt', recovery: 'auto' } as const
  const sessions = await Promise.all(Array.from({ length: 6 }, () => create(more)))
  const unused = await create({ ...more, name: 'unused' })
  const asked = sessions.map((session) => session.prompt('@@echo(once)'))
  await eventually(() => running().length > 0, 'the first agent to be started')
  await cluster.signal(broker, 'SIGKILL')
  await cluster.broker()
  for (const [index, prompt] of asked.entries()) {
    t.match(await prompt, { turn: 1 })
    const seen = await until((sessions[index] ?? unused).follow(), isTurnEnd)
    t.equal(textOf(seen), 'once')
    t.equal(only(seen, 'prompt').length, 1)
  }
  t.match(await unused.refresh(), { status: 'created', host: '' })
})
