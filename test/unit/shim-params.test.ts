/** Parameters of legacy methods, by name and by position, and what is said to those that do not fit. */
import t from 'tap'
import { AgentTypes } from '../../clients/shim/legacy/agent-types.ts'
import { type AnyStruct, decode, decodeLeniently } from '../../clients/shim/legacy/fields.ts'
import { JsonReader } from '../../clients/shim/legacy/json/reader.ts'
import { PARAMS } from '../../clients/shim/legacy/methods.ts'
import { parseUuid, uuidFault } from '../../clients/shim/legacy/uuid.ts'

const value = (text: string) => new JsonReader(text).value()

function faultOf(of: AnyStruct, text: string): string {
  try {
    decode(of, value(text))
    return ''
  } catch (thrown) {
    return (thrown as Error).message
  }
}

t.test('by name and by position', async (t) => {
  const spawn = { name: 'a', agent_type: 't', config: { k: 1 } }
  t.same(decode(PARAMS.spawn, value(JSON.stringify({ ...spawn, more: 1 }))), spawn)
  t.same(decode(PARAMS.spawn, value('["a","t",{"k":1}]')), spawn)
  t.same(decode(PARAMS.kill, value('["x"]')), { agent_id: 'x', force: false })
  t.same(decode(PARAMS.logs, value('{"agent_id":"x","limit":null}')), {
    agent_id: 'x',
    limit: null,
    offset: null,
  })
  t.same(decode(PARAMS.query, value('[]'), true), { agent_id: null, key: null })
})

t.test('what does not fit', async (t) => {
  const cases: readonly (readonly [AnyStruct, string, string])[] = [
    [PARAMS.spawn, '{}', 'missing field `name`'],
    [PARAMS.spawn, '{"name":"a","agent_type":"t"}', 'missing field `config`'],
    // The old daemon looked at members in alphabetical order.
    [
      PARAMS.spawn,
      '{"name":5,"agent_type":true}',
      'invalid type: boolean `true`, expected a string',
    ],
    [PARAMS.spawn, '{"name":5}', 'invalid type: integer `5`, expected a string'],
    [PARAMS.spawn, '{"name":1.0}', 'invalid type: floating point `1.0`, expected a string'],
    [PARAMS.spawn, '{"name":null}', 'invalid type: null, expected a string'],
    [PARAMS.spawn, '{"name":{}}', 'invalid type: map, expected a string'],
    [PARAMS.spawn, '{"name":[]}', 'invalid type: sequence, expected a string'],
    [PARAMS.spawn, '"x"', 'invalid type: string "x", expected struct AgentSpawnRequest'],
    [PARAMS.spawn, '"\\n\\""', 'invalid type: string "\\n\\"", expected struct AgentSpawnRequest'],
    [PARAMS.spawn, '[]', 'invalid length 0, expected struct AgentSpawnRequest with 3 elements'],
    [PARAMS.spawn, '["a","b",1,2]', 'invalid length 4, expected fewer elements in array'],
    [
      PARAMS.kill,
      '{"agent_id":"x","force":"yes"}',
      'invalid type: string "yes", expected a boolean',
    ],
    [PARAMS.logs, '["x",-1]', 'invalid value: integer `-1`, expected usize'],
    [PARAMS.logs, '["x",1.5]', 'invalid type: floating point `1.5`, expected usize'],
    [PARAMS.logs, '["x",true]', 'invalid type: boolean `true`, expected usize'],
    [PARAMS.query, '[]', 'invalid length 0, expected struct StateQueryRequest with 2 elements'],
    [PARAMS.resume, '[]', 'invalid length 0, expected struct AgentResumeRequest with 1 element'],
    [PARAMS.execute, '["w",[1],{}]', 'invalid type: integer `1`, expected a string'],
    [PARAMS.execute, '["w","a",{}]', 'invalid type: string "a", expected a sequence'],
  ]
  for (const [of, text, fault] of cases) t.equal(faultOf(of, text), fault, `${of.name} ${text}`)
})

t.test('read leniently, what does not fit is not there', async (t) => {
  const usual = { working_dir: '.', enable_thinking: true, thinking_level: 'normal' }
  t.same(decodeLeniently(PARAMS.chatCreate, value('["/tmp"]')), usual)
  t.same(decodeLeniently(PARAMS.chatCreate, value('{"working_dir":"/x","enable_thinking":"no"}')), {
    ...usual,
    working_dir: '/x',
  })
})

t.test('UUIDs', async (t) => {
  const uuid = '550e8400-e29b-41d4-a716-446655440000'
  for (const form of [uuid, uuid.toUpperCase(), uuid.replaceAll('-', ''), `{${uuid}}`]) {
    t.equal(parseUuid(form), uuid, form)
  }
  t.equal(parseUuid(`urn:uuid:${uuid}`), uuid)
  t.equal(parseUuid(`{${uuid.replaceAll('-', '')}}`), undefined)
  t.equal(
    uuidFault('nope'),
    'invalid character: expected an optional prefix of `urn:uuid:` followed by [0-9a-fA-F-], found `n` at 1',
  )
  t.equal(uuidFault('abc'), 'invalid length: expected length 32 for simple format, found 3')
  t.equal(uuidFault('a-b'), 'invalid group count: expected 5, found 2')
  t.equal(
    uuidFault('550e840-e29b-41d4-a716-446655440000'),
    'invalid group length in group 0: expected 8, found 7',
  )
})

t.test('agent types', async (t) => {
  const types = new AgentTypes({ basic: 'demo', opencode: '' })
  t.same(types.choose('claude-code-cli', false), { kind: 'backend', backend: 'claude' })
  t.same(types.choose('basic', false), { kind: 'backend', backend: 'demo' })
  t.same(types.choose('opencode', false), { kind: 'unsupported' })
  t.same(types.choose('worker', false), { kind: 'unsupported' })
  t.same(types.choose('worker', true), { kind: 'backend', backend: 'claude' })
  t.same(types.choose('cat-cli', false), { kind: 'program', backend: 'cat' })
  t.same(types.choose('click', false), { kind: 'program', backend: 'click' })
  t.same(new AgentTypes({ '*': '' }).choose('worker', true), { kind: 'unsupported' })
})
