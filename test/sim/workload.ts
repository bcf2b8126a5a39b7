/** What clients do: a little of everything, at random. */
import type { CallRecord, SimClient } from './sim-client.ts'
import type { World } from './world.ts'

const MAX_SESSIONS = 8
const MAX_PENDING = 12
const MAX_READERS = 4
const COUNTERS = ['counter/1', 'counter/2']

type Action = (world: World, client: SimClient, session: string) => void

/** Each with its weight. */
const ACTIONS: readonly (readonly [number, Action])[] = [
  [50, prompt],
  [8, (world, client, session) => call(world, client, 'session.interrupt', { session })],
  [40, answer],
  [10, (_world, client, session) => follow(client, session, 1)],
  [5, (world, client, session) => follow(client, session, world.ledger.of(session).length + 1)],
  [6, (world, client) => void client.leave(Math.floor(world.scheduler.random() * MAX_READERS))],
  [6, (world, client, session) => call(world, client, 'session.get', { session })],
  [2, (world, client) => call(world, client, 'session.list', {})],
  [12, count],
  [2, (_world, client) => follow(client, '@events', 1)],
  [2, (world, client, session) => call(world, client, 'session.stop', { session })],
  [2, (world, client, session) => call(world, client, 'session.kill', { session })],
  [2, (world, client, session) => call(world, client, 'session.recover', { session })],
]
const TOTAL = ACTIONS.reduce((sum, [weight]) => sum + weight, 0)

export function act(world: World, client: SimClient): void {
  const { scheduler, history } = world
  if (client.pending.length >= MAX_PENDING) return
  const session = scheduler.pick([...history.sessions])
  if (session === undefined || (history.sessions.size < MAX_SESSIONS && scheduler.chance(0.02))) {
    create(world, client)
    return
  }
  const status = world.broker?.core.sessions.get(session)?.status
  if ((status === 'ended' || status === 'failed') && scheduler.chance(0.5)) {
    call(world, client, 'session.recover', { session }) // otherwise most of what follows is WRONG_STATE
    return
  }
  let dice = scheduler.random() * TOTAL
  for (const [weight, action] of ACTIONS) {
    dice -= weight
    if (dice >= 0) continue
    action(world, client, session)
    return
  }
}

/** Asks every session that can take a prompt, to see that all of it works; returns the keys. */
export function probe(world: World): string[] {
  const { broker, clients } = world
  const records = [...(broker?.core.sessions.all() ?? [])].filter(({ status }) => status === 'idle')
  return [...clients.values()].flatMap((client) =>
    records.map(({ session }) => {
      const key = world.nextKey()
      client.call(key, 'session.prompt', { session, text: key }, { isPatient: true })
      return key
    }),
  )
}

function create(world: World, client: SimClient): void {
  const key = world.nextKey()
  const when = world.scheduler.chance(0.3) ? 'on_prompt' : 'now'
  start(world, client, key, 'session.create', { backend: 'sim', name: `s-${key}`, start: when })
}

function prompt(world: World, client: SimClient, session: string): void {
  const key = world.nextKey()
  const when_busy = world.scheduler.chance(0.1) ? 'interrupt' : 'queue'
  start(world, client, key, 'session.prompt', { session, text: key, when_busy })
}

function call(
  world: World,
  client: SimClient,
  method: CallRecord['method'],
  params: CallRecord['params'],
): void {
  start(world, client, world.nextKey(), method, params)
}

function start(
  world: World,
  client: SimClient,
  key: string,
  method: CallRecord['method'],
  params: CallRecord['params'],
): void {
  world.figures.calls += 1
  client.call(key, method, params)
}

/** Changes a key if it has the version that it has now, whoever else does so at the same time. */
function count(world: World, client: SimClient): void {
  const counter = world.scheduler.pick(COUNTERS)
  if (counter === undefined || !world.broker) return
  const key = world.nextKey()
  const version = world.broker.core.state.version(counter)
  start(world, client, key, 'state.set', { key: counter, value: key, version })
}

/** Answers one question that waits, whoever else does so at the same time. */
function answer(world: World, client: SimClient): void {
  const query = {
    sees: 'all' as const,
    session: undefined,
    states: ['pending' as const],
    since: 0,
    limit: 100,
  }
  const waiting = world.broker?.core.approvals.page(query).approvals ?? []
  const question = world.scheduler.pick(waiting)
  if (!question) return
  const decision = world.scheduler.chance(0.5) ? 'allow' : 'deny'
  call(world, client, 'approval.answer', { approval: question.approval, decision })
}

/** What is asked once all is calm is answered soon, so that every turn comes to its end. */
export function settleQuestions(world: World, client: SimClient): void {
  if (client.pending.length < MAX_PENDING) answer(world, client)
}

function follow(client: SimClient, session: string, from: number): void {
  if (client.readers.length < MAX_READERS) client.follow(session, from)
}
