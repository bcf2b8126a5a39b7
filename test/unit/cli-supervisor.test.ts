/** The supervisor with parts of a few lines: starting, restarting, stopping in order. */
import { EventEmitter, once } from 'node:events'
import t, { type Test } from 'tap'
import type { SupervisorEvent } from '../../clients/cli/up/events.ts'
import { PartFailed } from '../../clients/cli/up/part-failed.ts'
import { type PartSpec, Supervisor } from '../../clients/cli/up/supervisor.ts'

/** Says that it is ready, and ends on SIGTERM or when its parent does. */
const PART = `
import { writeSync } from 'node:fs'
process.on('SIGTERM', () => process.exit(0))
process.stdin.resume().on('end', () => process.exit(0))
console.error('hello from ' + process.argv[2])
writeSync(3, JSON.stringify({ ready: true, endpoint: process.argv.slice(2).join(' ') }) + '\\n')
`
const BROKEN = `
console.error('no room')
process.exitCode = 7
`
const SILENT = `setInterval(() => {}, 1 << 30)`

interface Watched {
  readonly supervisor: Supervisor
  readonly events: SupervisorEvent[]
  /** Resolves with the next event of this type. */
  readonly next: (type: SupervisorEvent['type']) => Promise<SupervisorEvent>
}

/** The broker fails; what waits for it would wait for ever. */
const HOPELESS = `
if (process.argv[2] === 'broker') process.exit(7)
setInterval(() => {}, 1 << 30)
`
const IN_TURN: readonly PartSpec[] = [
  { part: 'broker', flags: ['--one'] },
  { part: 'host', flags: [] },
]

function supervise(t: Test, source: string, readyMs = 20_000, parts = IN_TURN): Watched {
  const dir = t.testdir({ 'part.mjs': source })
  const events: SupervisorEvent[] = []
  const emitter = new EventEmitter()
  const supervisor = new Supervisor({
    entry: `${dir}/part.mjs`,
    parts,
    tell: (event) => {
      events.push(event)
      emitter.emit(event.type, event)
    },
    random: () => 0.5,
    limits: { readyMs, graceMs: 5000, backoff: { firstMs: 20, maxMs: 100 } },
  })
  t.teardown(() => supervisor.stop())
  const next = async (type: string) => ((await once(emitter, type)) as [SupervisorEvent])[0]
  return { supervisor, events, next }
}

function pidOf(events: readonly SupervisorEvent[], part: string): number {
  const ready = events.findLast((event) => event.type === 'ready' && event.part === part)
  return ready?.type === 'ready' ? ready.pid : 0
}

t.test('parts start one after the other and stop in reverse', async (t) => {
  const { supervisor, events } = supervise(t, PART)
  await supervisor.start()
  await supervisor.stop()
  const order = events.filter(({ type }) => type !== 'said').map(({ type, part }) => [type, part])
  t.same(order, [
    ['starting', 'broker'],
    ['ready', 'broker'],
    ['starting', 'host'],
    ['ready', 'host'],
    ['stopping', 'host'],
    ['stopped', 'host'],
    ['stopping', 'broker'],
    ['stopped', 'broker'],
  ])
  t.match(
    events.find(({ type }) => type === 'ready'),
    {
      info: { endpoint: 'broker --one --ready-fd 3 --exit-with-parent' },
    },
  )
  t.match(
    events.findLast(({ type }) => type === 'stopped'),
    { how: 'exit code 0' },
  )
})

t.test('what a part says on stderr is told', async (t) => {
  const { supervisor, next } = supervise(t, PART)
  const said = next('said')
  await supervisor.start()
  t.match(await said, { part: 'broker', line: 'hello from broker' })
})

t.test('a part that dies is started again after a delay that is told', async (t) => {
  const { supervisor, events, next } = supervise(t, PART)
  await supervisor.start()
  const first = pidOf(events, 'host')
  const died = next('died')
  process.kill(first, 'SIGKILL')
  t.match(await died, { part: 'host', how: 'SIGKILL', restartMs: 10 })
  await next('ready')
  t.not(pidOf(events, 'host'), first)
})

t.test('the first start of a part that fails is an error with its last words', async (t) => {
  const { supervisor } = supervise(t, BROKEN)
  await t.rejects(
    supervisor.start(),
    Object.assign(new PartFailed('broker', 'exit code 7', 7, []), { tail: ['no room'] }),
  )
})

t.test('a part that never says that it is ready is ended', async (t) => {
  const { supervisor } = supervise(t, SILENT, 200)
  await t.rejects(supervisor.start(), { message: /not ready after 200 ms/ })
})

t.test('stopping during a restart starts nothing more', async (t) => {
  const { supervisor, events, next } = supervise(t, PART)
  await supervisor.start()
  const died = next('died')
  process.kill(pidOf(events, 'host'), 'SIGKILL')
  await died
  await supervisor.stop()
  const last = events.findLast(({ part }) => part === 'host')
  t.not(last?.type, 'ready')
})

const OVERLAPPING: readonly PartSpec[] = [
  { part: 'broker', flags: [], mayOverlap: true, env: { SECRET: 'mine' } },
  { part: 'host', flags: [] },
]

t.test('a part that waits by itself is started at once, and stopped in its turn', async (t) => {
  const { supervisor, events } = supervise(t, PART, 20_000, OVERLAPPING)
  await supervisor.start()
  const order = events.filter(({ type }) => type !== 'said').map(({ type, part }) => [type, part])
  t.same(order.slice(0, 2), [
    ['starting', 'broker'],
    ['starting', 'host'],
  ])
  await supervisor.stop()
  t.same(
    events.filter(({ type }) => type === 'stopped').map(({ part }) => part),
    ['host', 'broker'],
  )
})

t.test('nobody waits for a part whose broker has failed', async (t) => {
  const { supervisor } = supervise(t, HOPELESS, 60_000, OVERLAPPING)
  await t.rejects(supervisor.start(), { message: 'the broker did not start: exit code 7' })
  supervisor.kill()
})

t.test('what is in the environment of one part is not in that of another', async (t) => {
  const source = PART.replace(
    "'hello from ' + process.argv[2]",
    'process.argv[2] + process.env.SECRET',
  )
  const { supervisor, events } = supervise(t, source, 20_000, OVERLAPPING)
  await supervisor.start()
  await supervisor.stop()
  const said = events.flatMap((event) => (event.type === 'said' ? [event.line] : []))
  t.same(said.sort(), ['brokermine', 'hostundefined'])
})
