/** The messages of the MessagePack agent protocol: exact bytes, both forms, and whatever else may come. */
import fc from 'fast-check'
import { Packr } from 'msgpackr'
import t from 'tap'
import { decodeMessage, encodeMessage } from '../../clients/shim/rep/codec.ts'
import { LAYOUTS, type Message, type Tag } from '../../clients/shim/rep/layouts.ts'
import { refusal } from '../../clients/shim/rep/refusal.ts'
import { type Fields, writeFields } from '../../clients/shim/rep/struct.ts'
import { NIL_UUID } from '../../clients/shim/rep/wire-types.ts'
import { MAX_DEPTH, MAX_VALUES } from '../../clients/shim/rep/wire-values.ts'

const AGENT = '550e8400-e29b-41d4-a716-446655440000'
const BIN = Buffer.from(AGENT.replaceAll('-', ''), 'hex')
const packr = new Packr({ useRecords: false, variableMapSize: true })
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')
const decodeOf = (value: unknown): unknown => decodeMessage(packr.pack(value))
const CONFIG = {
  name: 'a',
  model_backend: 'claude',
  task: 't',
  context: null,
  system_prompt: null,
  environment: {},
  model: null,
  tool_level: null,
  agents: null,
}

t.test('the worked examples of the old protocol, byte for byte', async (t) => {
  const health =
    '92 b4 68 65 61 6c 74 68 5f 63 68 65 63 6b 5f 72 65 71 75 65 73 74 a8 74 65 73 74 2d 31 32 33'
  const pause =
    '95 af 63 6f 6e 74 72 6f 6c 5f 63 6f 6d 6d 61 6e 64 a5 72 65 71 2d 31 c4 10 55 0e 84 00 e2 9b 41 d4 a7 16 44 66 55 44 00 00 a5 70 61 75 73 65 c0'
  const spawned =
    '96 ae 73 70 61 77 6e 5f 72 65 73 70 6f 6e 73 65 a2 72 31 c3 99 c4 10 55 0e 84 00 e2 9b 41 d4 a7 16 44 66 55 44 00 00 a1 61 a7 72 75 6e 6e 69 6e 67 a6 63 6c 61 75 64 65 92 ce 69 3a 5b 5c ce 07 5b cd 15 a1 74 c0 c0 c0 c0 a8 73 65 72 76 65 72 2d 31'
  const spawn =
    '95 ad 73 70 61 77 6e 5f 72 65 71 75 65 73 74 a2 72 31 96 a1 61 a6 63 6c 61 75 64 65 a1 74 c0 c0 80 cd 01 2c c0'
  const failed =
    '97 b0 63 6f 6d 6d 61 6e 64 5f 72 65 73 70 6f 6e 73 65 a5 72 65 71 2d 31 c4 10 55 0e 84 00 e2 9b 41 d4 a7 16 44 66 55 44 00 00 c2 a7 72 75 6e 6e 69 6e 67 c0 b8 41 67 65 6e 74 20 65 78 65 63 75 74 69 6f 6e 20 65 72 72 6f 72 3a 20 58'
  const asked = { type: 'health_check_request', request_id: 'test-123' } as const
  t.same(decodeMessage(hex(health)), asked)
  t.same(encodeMessage(asked), hex(health))
  const paused = { request_id: 'req-1', agent_id: AGENT, command_type: 'pause', payload: null }
  t.same(decodeMessage(hex(pause)), { type: 'control_command', ...paused })
  t.same(decodeMessage(hex(spawn)), {
    type: 'spawn_request',
    request_id: 'r1',
    config: CONFIG,
    timeout_secs: 300,
    metadata: null,
  })
  const info = {
    id: AGENT,
    name: 'a',
    status: 'running',
    model_backend: 'claude',
    started_at: 1_765_432_156_123.456_8,
    task: 't',
    paused_at: null,
    pause_mode: null,
    attach_info: null,
  } as const
  t.match(decodeMessage(hex(spawned)), { type: 'spawn_response', agent_info: { id: AGENT } })
  const reply = encodeMessage({
    type: 'spawn_response',
    request_id: 'r1',
    success: true,
    agent_info: info,
    error: null,
    server_id: 'server-1',
  })
  // A number of ms holds the time to about 200 ns: the last bytes of the nanoseconds may differ.
  const nanos = hex(spawned).indexOf(hex('07 5b cd 15'))
  t.same(reply.subarray(0, nanos), hex(spawned).subarray(0, nanos))
  t.ok(Math.abs(reply.readUInt32BE(nanos) - 123_456_789) < 300)
  t.same(reply.subarray(nanos + 4), hex(spawned).subarray(nanos + 4))
  const refused = {
    type: 'command_response',
    request_id: 'req-1',
    agent_id: AGENT,
    success: false,
    status: 'running',
    data: null,
    error: 'Agent execution error: X',
  } as const
  t.same(encodeMessage(refused), hex(failed))
  t.same(decodeMessage(hex(failed)), refused)
})

t.test('a record is read from an array and from a map, within another one too', async (t) => {
  const short = Object.values(CONFIG).slice(0, 6)
  const want = { type: 'spawn_request', request_id: 's', config: CONFIG, timeout_secs: null }
  const { model: _m, tool_level: _l, agents: _a, context: _c, ...named } = CONFIG
  for (const config of [short, Object.values(CONFIG), CONFIG, named]) {
    t.match(decodeOf(['spawn_request', 's', config]), want)
    t.match(decodeOf({ zzz: 1, request_id: 's', config, type: 'spawn_request' }), want)
  }
  const full = { ...CONFIG, model: 'm', tool_level: 'minimal', agents: { a: [1] } }
  t.match(decodeOf(['spawn_request', 's', Object.values(full)]), { config: full })
  const time = { secs_since_epoch: 2, nanos_since_epoch: 500_000_000 }
  for (const timestamp of [time, [2, 500_000_000]]) {
    t.match(
      decodeOf({ type: 'status_update', agent_id: BIN, update_type: 'heartbeat', timestamp }),
      { timestamp: 2500, status: null },
    )
  }
})

t.test('a UUID is 16 bytes or any of its spellings', async (t) => {
  const simple = AGENT.replaceAll('-', '')
  for (const id of [BIN, AGENT, AGENT.toUpperCase(), simple, `{${AGENT}}`, `urn:uuid:${AGENT}`]) {
    t.match(decodeOf(['control_command', 'c', id, 'kill', null]), { agent_id: AGENT })
  }
  for (const id of [BIN.subarray(1), AGENT.slice(1), `${AGENT}0`, 'x', 7, null, '{}']) {
    t.match(decodeOf(['control_command', 'c', id, 'kill']), {
      type: 'undecodable',
      reason: /^agent_id: /,
      requestId: 'c',
      agentId: NIL_UUID,
    })
  }
})

t.test('what does not fit is told with its place', async (t) => {
  const cases: [unknown, RegExp][] = [
    [['control_command', 'c', BIN, 'Pause', null], /^command_type: unknown word "Pause", expected/],
    [['spawn_request', 's', ['a', 'cat-cli', '-']], /^config\.context is missing$/],
    [
      { type: 'spawn_request', request_id: 's', config: { name: 'a' } },
      /^config\.model_backend is/,
    ],
    [['health_check_request', 'h', null], /^2 elements are more than the 1 there are$/],
    [['health_check_request'], /^request_id is missing$/],
    [['health_check_request', 5], /^request_id: expected a string, got an integer$/],
    [['list_agents_request', 'l', null, -1], /^limit: -1 is below zero$/],
    [['list_agents_request', 'l', 'weird'], /^filter_status: unknown word "weird"/],
    [['control_command', 'c', BIN, 'pause', { a: BIN }], /^payload\.a: expected JSON, got binary/],
    [['control_command', 'c', BIN, 'pause', new Map([[1, 2]])], /^payload: a key: expected a str/],
    [['batch_control_command', 'b', [BIN, 1], 'kill'], /^agent_ids\[1\]: expected a UUID, got an/],
    [['subscribe', 'x'], /^Unexpected message type: "subscribe"$/],
    [{ request_id: 'x' }, /^expected \[tag, …\] or a map with a type, got a map$/],
    [123, /got an integer$/],
    [[], /got an array$/],
  ]
  for (const [value, reason] of cases) {
    t.match(decodeOf(value), { type: 'undecodable', reason }, String(reason))
  }
  const float = hex(
    `94 b3 ${Buffer.from('list_agents_request').toString('hex')} a1 6c c0 cb 4008000000000000`,
  )
  t.match(decodeMessage(float), { reason: 'limit: expected an integer, got the float 3' })
  for (const [bytes, reason] of [
    ['c1', /0xc1 is not MessagePack/],
    ['', /ends in the middle/],
    ['dd ff ff ff ff', /ends in the middle/],
    ['a1 ff', /not UTF-8/],
    ['91 '.repeat(MAX_DEPTH + 2), /nested deeper than 64/],
    [
      `dd ${(MAX_VALUES + 1).toString(16).padStart(8, '0')} ${'c0'.repeat(MAX_VALUES + 1)}`,
      /more than 100000 values/,
    ],
  ] as const) {
    t.match(decodeMessage(hex(bytes)), { type: 'undecodable', reason })
  }
})

t.test('integers beyond 32 bits stay integers, and JSON keeps its values', async (t) => {
  const data = {
    big: 2 ** 40,
    huge: 2n ** 63n,
    low: -(2 ** 40),
    half: 0.5,
    text: 'ü',
    list: [null, true],
  }
  const bytes = encodeMessage({
    type: 'command_response',
    request_id: 'r',
    agent_id: AGENT,
    success: true,
    status: null,
    data,
    error: null,
  })
  t.match(decodeMessage(bytes), { data })
  const proto = hex(
    `95 af ${Buffer.from('control_command').toString('hex')} a1 63 c4 10 ${BIN.toString('hex')} a5 ${Buffer.from('pause').toString('hex')} 81 a9 ${Buffer.from('__proto__').toString('hex')} 07`,
  )
  const decoded = decodeMessage(proto)
  const payload = decoded.type === 'control_command' ? decoded.payload : null
  t.same(Object.entries(payload as object), [['__proto__', 7]])
})

const uuids = fc.uint8Array({ minLength: 16, maxLength: 16 }).map((bytes) => {
  const digits = Buffer.from(bytes).toString('hex')
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
})

interface Shape {
  readonly title: string
  readonly fields?: readonly NamedShape[] | undefined
}
interface NamedShape {
  readonly name: string
  readonly type: Shape
}

/** A message of each kind, with values that its fields say of themselves. */
function messages(): fc.Arbitrary<Message> {
  const byTitle: Record<string, fc.Arbitrary<unknown>> = {
    str: fc.string({ unit: 'binary' }),
    bool: fc.boolean(),
    uint: fc.nat(),
    'uuid (bin 16)': uuids,
    '[s, ns]': fc.nat(),
    json: fc
      .jsonValue({ maxDepth: 3 })
      .filter((value) => value !== null)
      .map((value): unknown => JSON.parse(JSON.stringify(value))),
    'map<str, str>': fc.dictionary(fc.string(), fc.string(), { noNullPrototype: true }),
  }
  const ofType = ({ title, fields }: Shape): fc.Arbitrary<unknown> => {
    if (title.endsWith(' or nil')) {
      const inner = title.slice(0, -' or nil'.length)
      return fc.option(ofType({ title: inner, fields }), { nil: null })
    }
    if (title.startsWith('array of ')) {
      const inner = title.slice('array of '.length)
      return fc.array(ofType({ title: inner, fields }), { maxLength: 3 })
    }
    if (fields) return recordOf(fields)
    return byTitle[title] ?? fc.constantFrom(...title.split(' / '))
  }
  const recordOf = (fields: readonly NamedShape[]): fc.Arbitrary<Record<string, unknown>> =>
    fc.record(Object.fromEntries(fields.map(({ name, type }) => [name, ofType(type)])), {
      noNullPrototype: true,
    })
  const tags = Object.keys(LAYOUTS) as Tag[]
  return fc.oneof(
    ...tags.map((type) => recordOf(LAYOUTS[type]).map((body) => ({ type, ...body }) as Message)),
  )
}

t.test(
  'what is encoded is decoded to the same, in the array form and in the map form',
  async (t) => {
    fc.assert(
      fc.property(messages(), (message) => {
        t.same(decodeMessage(encodeMessage(message)), message)
        const { type, ...body } = message
        const fields: Fields = LAYOUTS[type]
        const written = writeFields(fields, body)
        const map = Object.fromEntries(fields.map(({ name }, index) => [name, written[index]]))
        t.same(decodeMessage(packr.pack({ ...map, type })), message)
        const trailed = Buffer.concat([encodeMessage(message), Buffer.of(0xc1)])
        t.same(decodeMessage(trailed), message)
      }),
      { numRuns: 300 },
    )
  },
)

t.test('integers beyond 32 bits are written as integers', async (t) => {
  for (const limit of [2 ** 31, 2 ** 32, Number.MAX_SAFE_INTEGER]) {
    const asked = { request_id: 'r', filter_status: null, limit }
    const written = encodeMessage({ type: 'list_agents_request', ...asked })
    t.match(decodeMessage(written), { type: 'list_agents_request', limit })
  }
})

t.test('any bytes become a message or a refusal that can be read', async (t) => {
  const damaged = fc
    .tuple(messages(), fc.nat(), fc.nat(255), fc.nat())
    .map(([message, at, byte, length]) => {
      const bytes = encodeMessage(message)
      bytes[at % bytes.length] = byte
      return bytes.subarray(0, length % 3 === 0 ? length % bytes.length : bytes.length)
    })
  fc.assert(
    fc.property(fc.oneof(damaged, fc.uint8Array({ maxLength: 200 })), (bytes) => {
      const decoded = decodeMessage(bytes)
      if (decoded.type !== 'undecodable') return
      t.not(decoded.reason, '')
      const reply = decodeMessage(encodeMessage(refusal(decoded, 'server-1')))
      t.match(reply, { request_id: decoded.requestId })
      t.match(JSON.stringify(reply), /"success":false/)
    }),
    { numRuns: 1000 },
  )
})

t.test('a refusal is of the kind that its sender waits for', async (t) => {
  const kinds: Record<string, string> = {
    spawn_request: 'spawn_response',
    list_agents_request: 'list_agents_response',
    batch_control_command: 'batch_control_response',
    output_query_request: 'output_query_response',
    control_command: 'command_response',
    custom_action_request: 'command_response',
    health_check_request: 'command_response',
    health_check_response: 'command_response',
    subscribe: 'command_response',
  }
  for (const [tag, type] of Object.entries(kinds)) {
    const decoded = decodeMessage(packr.pack([tag, 'r', ...Array<number>(20).fill(1)]))
    t.equal(decoded.type, 'undecodable')
    const reply = decoded.type === 'undecodable' && refusal(decoded, 'server-1')
    t.match(reply, { type, request_id: 'r' })
  }
  const known = decodeMessage(packr.pack(['control_command', 'r', BIN, 'Pause', null]))
  t.match(known.type === 'undecodable' && refusal(known, ''), { agent_id: AGENT })
})
