import t from 'tap'
import { decodeClientMessage } from '../../clients/shim/events/client-message.ts'
import {
  type DescartesEvent,
  type EventFilter,
  matchesFilter,
} from '../../clients/shim/events/descartes-event.ts'
import { EventClient } from '../../clients/shim/events/event-client.ts'
import { descartesEvents, type NativeEvent } from '../../clients/shim/events/from-native.ts'
import { EVENTS_LIMITS } from '../../clients/shim/events/limits.ts'

const FAULTS: readonly [string, string][] = [
  ['{"type":"Subscribe"}', 'missing field `payload`'],
  ['{"payload":{}}', 'missing field `type`'],
  ['{oops', 'key must be a string at line 1 column 2'],
  ['', 'EOF while parsing a value at line 1 column 0'],
  ['{"type":"Ping","payload":{}} x', 'trailing characters at line 1 column 30'],
  [
    '{"type":"subscribe","payload":{"filter":null}}',
    'unknown variant `subscribe`, expected one of `Subscribe`, `UpdateFilter`, `Unsubscribe`, `Pong`',
  ],
  [
    '{"type":"Subscribe","payload":{"filter":{"event_categories":["Agent"]}}}',
    'unknown variant `Agent`, expected one of `agent`, `task`, `workflow`, `system`, `state`',
  ],
  [
    '{"type":"Subscribe","payload":{"filter":{"agent_ids":[5]}}}',
    'invalid type: integer `5`, expected a string',
  ],
  [
    '{"type":"Subscribe","payload":{"filter":{"agent_ids":null}}}',
    'invalid type: null, expected a sequence',
  ],
  ['{"type":"UpdateFilter","payload":{}}', 'missing field `filter`'],
  [
    '{"type":"UpdateFilter","payload":{"filter":null}}',
    'invalid type: null, expected struct EventFilter',
  ],
  [
    '{"type":"Subscribe","payload":null}',
    'invalid type: null, expected struct variant ClientMessage::Subscribe',
  ],
  ['{"type":"Unsubscribe","payload":{}}', 'invalid type: map, expected unit'],
  ['{"type":"Pong","payload":{"timestamp":"now"}}', 'input contains invalid characters'],
  ['[1]', 'invalid type: sequence, expected adjacently tagged enum ClientMessage'],
]

t.test('what cannot be read is told in the words of the old daemon', async (t) => {
  for (const [text, reason] of FAULTS) {
    t.throws(() => decodeClientMessage(text), { message: reason }, text)
  }
})

t.test('messages and filters are read, and what they do not name restricts nothing', async (t) => {
  const none = { agent_ids: [], task_ids: [], workflow_ids: [], event_categories: [] }
  t.same(decodeClientMessage('{"type":"Subscribe","payload":{}}'), {
    type: 'Subscribe',
    filter: null,
  })
  t.same(
    decodeClientMessage(
      '{"payload":{"filter":{"agent_ids":["a"],"more":1}},"type":"UpdateFilter"}',
    ),
    { type: 'UpdateFilter', filter: { ...none, agent_ids: ['a'] } },
  )
  t.same(decodeClientMessage('{"type":"Unsubscribe"}'), { type: 'Unsubscribe' })
  t.same(decodeClientMessage('{"type":"Pong","payload":{"timestamp":"2025-12-11T00:00:00Z"}}'), {
    type: 'Pong',
  })
  const many = JSON.stringify(Array.from({ length: EVENTS_LIMITS.maxFilterIds + 1 }, () => 'x'))
  t.throws(() =>
    decodeClientMessage(`{"type":"Subscribe","payload":{"filter":{"task_ids":${many}}}}`),
  )
})

const native = (
  topic: NativeEvent['topic'],
  event: string,
  data: Record<string, unknown> = {},
  id = 'x1',
): NativeEvent => ({ type: 'event', topic, event, id, data, seq: 3, time: 1000, turn: 0 })
const told = (...args: Parameters<typeof native>) =>
  descartesEvents(native(...args)).map(({ data }) => [data.event_type, data.data])

t.test('an agent is told from its beginning to its end', async (t) => {
  const [event] = descartesEvents(
    native('session', 'status', { status: 'running', previous: 'starting' }, 'ag1'),
  )
  t.match(event, {
    type: 'AgentEvent',
    data: {
      id: /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-8[0-9a-f]{3}-[0-9a-f]{12}$/,
      agent_id: 'ag1',
      timestamp: '1970-01-01T00:00:01.000Z',
      event_type: 'status_changed',
      data: { status: 'running' },
    },
  })
  t.same(told('session', 'created', { name: 'n', backend: 'demo', metadata: { task: 'dig' } }), [
    ['spawned', { name: 'n', task: 'dig', model_backend: 'demo' }],
  ])
  t.match(told('session', 'started', { pid: 4 }), [['started', { pid: 4 }]])
  t.same(told('session', 'status', { status: 'running', previous: 'idle' }), [])
  t.match(told('session', 'paused', { paused: 'hold' }), [
    ['paused', { paused: 'hold' }],
    ['status_changed', { status: 'paused' }],
  ])
  t.same(
    told('session', 'status', { status: 'ended', exit_code: 0 }).map(([kind]) => kind),
    ['status_changed', 'completed'],
  )
  t.match(told('session', 'status', { status: 'ended', exit_code: null, signal: 'SIGKILL' }), [
    ['status_changed', { status: 'terminated' }],
    ['killed', { signal: 'SIGKILL' }],
  ])
  t.match(told('session', 'status', { status: 'failed', reason: 'no such file', exit_code: 1 }), [
    ['status_changed', { status: 'failed' }],
    ['failed', { error: 'no such file', exit_code: 1 }],
  ])
  t.same(told('session', 'renamed', { name: 'x' }), [])
  const ids = descartesEvents(native('session', 'resumed')).map(({ data }) => data.id)
  t.equal(new Set(ids).size, 2)
})

t.test('tasks, workflows, state, hosts and the broker have their kinds', async (t) => {
  t.same(told('task', 'created', { status: 'todo' }), [
    ['created', { change_type: 'created', task: null, status: 'Todo', timestamp: 1 }],
  ])
  const change = { change_type: 'updated', task: null, timestamp: 1 }
  t.same(told('task', 'updated', { previous_status: 'todo', status: 'in_progress' }), [
    ['progress', { ...change, previous_status: 'Todo', new_status: 'InProgress' }],
  ])
  t.same(
    told('task', 'updated', { previous_status: 'in_progress', status: 'done' }).map(([k]) => k),
    ['progress', 'completed'],
  )
  t.same(told('task', 'removed'), [['cancelled', { change_type: 'deleted', timestamp: 1 }]])
  t.match(descartesEvents(native('task', 'created', { assigned_to: 'ag1' })), [
    { data: { task_id: 'x1', agent_id: 'ag1' } },
  ])
  t.match(descartesEvents(native('task', 'created')), [{ data: { agent_id: null } }])
  t.match(descartesEvents(native('workflow', 'step_failed', { workflow: 'w', step: 's' })), [
    {
      type: 'WorkflowEvent',
      data: {
        workflow_id: 'w',
        execution_id: 'x1',
        event_type: 'step_completed',
        data: { step: 's', status: 'failed' },
      },
    },
  ])
  t.match(told('workflow', 'cancelled'), [['failed', { status: 'cancelled' }]])
  t.same(told('workflow', 'step_started'), [])
  t.match(descartesEvents(native('state', 'updated', { version: 2 }, 'a/b')), [
    { type: 'StateEvent', data: { key: 'a/b', agent_id: null, event_type: 'updated' } },
  ])
  t.same(told('state', 'updated', {}, 'shim/pub/a'), [], 'what the shim keeps is no news')
  t.match(told('host', 'online', { name: 'h' }), [['connection_established', { host: 'x1' }]])
  t.match(told('system', 'started', { epoch: 2 }), [['daemon_started', { epoch: 2 }]])
})

t.test('a filter looks at the category, and at ids of that category alone', async (t) => {
  const filter = (some: Partial<EventFilter>): EventFilter => ({
    agent_ids: [],
    task_ids: [],
    workflow_ids: [],
    event_categories: [],
    ...some,
  })
  const [agent] = descartesEvents(native('session', 'started', {}, 'ag1'))
  const [task] = descartesEvents(native('task', 'created', { assigned_to: 'ag1' }, 't1'))
  const [state] = descartesEvents(native('state', 'created'))
  const [system] = descartesEvents(native('system', 'started'))
  const [workflow] = descartesEvents(native('workflow', 'started', { workflow: 'w1' }))
  const all = [agent, task, state, system, workflow] as DescartesEvent[]
  const passing = (wanted: EventFilter | null) =>
    all.filter((event) => matchesFilter(wanted, event)).map(({ type }) => type)
  t.equal(passing(null).length, 5)
  t.equal(passing(filter({})).length, 5)
  t.same(passing(filter({ event_categories: ['agent', 'system'] })), ['AgentEvent', 'SystemEvent'])
  t.same(passing(filter({ agent_ids: ['other'] })), [
    'TaskEvent',
    'StateEvent',
    'SystemEvent',
    'WorkflowEvent',
  ])
  t.same(passing(filter({ task_ids: ['t1'], event_categories: ['task'] })), ['TaskEvent'])
  t.same(passing(filter({ workflow_ids: ['w2'], event_categories: ['workflow'] })), [])
})

/** A client whose messages the test sees. */
function stage() {
  const sent: { type: string; payload: Record<string, unknown> }[] = []
  const world = { now: 0, buffered: 0, cut: '', cuts: 0, pings: 0, ids: 0 }
  const client = new EventClient({
    send: (text) => sent.push(JSON.parse(text)),
    ping: () => {
      world.pings += 1
    },
    buffered: () => world.buffered,
    cut: (reason) => {
      world.cut = reason
      world.cuts += 1
    },
    now: () => world.now,
    wall: () => world.now,
    uuid: () => {
      world.ids += 1
      return `id${world.ids}`
    },
  })
  const [event] = descartesEvents(native('session', 'started', {}, 'ag1'))
  if (!event) throw new Error('no event')
  const tell = () => client.event(event, JSON.stringify(event))
  return { client, sent, world, tell }
}

t.test('a client gets events from Subscribe to Unsubscribe, as its filter says', async (t) => {
  const { client, sent, tell } = stage()
  tell()
  client.message('{"type":"UpdateFilter","payload":{"filter":{}}}')
  client.message('{"type":"Subscribe","payload":{"filter":null}}')
  tell()
  client.message('{"type":"UpdateFilter","payload":{"filter":{"agent_ids":["ag2"]}}}')
  tell()
  client.message('{"type":"Pong","payload":{"timestamp":"2025-12-11T00:00:00Z"}}')
  client.message('{"type":"Subscribe","payload":{"filter":null}}')
  client.message('{"type":"Unsubscribe"}')
  tell()
  client.message('{oops')
  t.match(sent, [
    {
      type: 'Error',
      payload: { code: 'HANDLER_ERROR', message: 'No active subscription to update' },
    },
    { type: 'SubscriptionConfirmed', payload: { subscription_id: 'id1' } },
    { type: 'Event', payload: { type: 'AgentEvent', data: { agent_id: 'ag1' } } },
    { type: 'SubscriptionUpdated', payload: { subscription_id: 'id1' } },
    { type: 'SubscriptionConfirmed', payload: { subscription_id: 'id2' } },
    {
      type: 'Error',
      payload: {
        code: 'INVALID_MESSAGE',
        message: 'Failed to parse message: key must be a string at line 1 column 2',
      },
    },
  ])
  t.equal(sent.length, 6)
})

t.test('a client is pinged at once and then every 30 s, and cut off when it is dead', async (t) => {
  const { client, sent, world } = stage()
  client.tick()
  t.same(sent, [{ type: 'Ping', payload: { timestamp: '1970-01-01T00:00:00.000Z' } }])
  world.now = EVENTS_LIMITS.pingMs - 1
  client.tick()
  t.equal(sent.length, 1)
  world.now += 1
  client.tick()
  t.equal(sent.length, 2)
  t.equal(world.pings, 2)
  client.heard()
  world.now += EVENTS_LIMITS.deadMs
  client.tick()
  t.equal(world.cut, '')
  world.now += 1
  client.tick()
  t.equal(world.cut, 'it answers no ping')
})

t.test('a client that lets too much gather is cut off', async (t) => {
  const { client, world, tell } = stage()
  client.message('{"type":"Subscribe","payload":{"filter":null}}')
  world.buffered = EVENTS_LIMITS.maxBufferedBytes
  tell()
  t.equal(world.cut, '')
  world.buffered += 1
  tell()
  t.equal(world.cut, 'it reads too slowly')
  client.message('what was sent before it was cut off')
  tell()
  world.now += EVENTS_LIMITS.deadMs + 1
  client.tick()
  t.equal(world.cuts, 1)
})
