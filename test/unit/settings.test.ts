import t from 'tap'
import { configSection, defaultConfigPath } from '../../protocol/config-file.ts'
import { ipcPath, MAX_IPC_PATH_BYTES, resolvePlaces } from '../../protocol/endpoints.ts'
import { newToken, newUuid, RequestIds } from '../../protocol/ids.ts'
import { nearest } from '../../protocol/nearest.ts'
import { oneOf } from '../../protocol/one-of.ts'
import { mismatch } from '../../protocol/schema.ts'
import {
  environmentName,
  flagsOf,
  rejectUnknown,
  resolveSettings,
} from '../../protocol/settings.ts'
import { Type } from '../../protocol/typebox.ts'

const schema = Type.Object({
  slots: Type.Integer({ minimum: 0, default: 4, description: 'Sessions at once' }),
  name: Type.Optional(Type.String({ minLength: 1, description: 'Name for people' })),
  max_lag_ms: Type.Number({ default: 0.5, description: 'Allowed lag' }),
  drain: Type.Boolean({ default: true, description: 'Wait for calls' }),
  labels: Type.Array(Type.String(), { default: [], description: 'Labels' }),
  level: Type.Unsafe<'low' | 'high'>({
    ...oneOf(['low', 'high'], 'How much to say'),
    default: 'low',
    flag: 'log-level',
  }),
})
const resolve = (sources: Parameters<typeof resolveSettings>[1]) => resolveSettings(schema, sources)

t.test('without sources there are the defaults', async (t) => {
  t.same(resolve({}), { slots: 4, max_lag_ms: 0.5, drain: true, labels: [], level: 'low' })
})

t.test('flags go over environment over file over defaults', async (t) => {
  const file = { slots: 1, name: 'file', max_lag_ms: 3 }
  const env = { AGENTMQ_SLOTS: '2', AGENTMQ_NAME: 'environment' }
  t.match(resolve({ file, env, flags: { slots: 3 } }), {
    slots: 3,
    name: 'environment',
    max_lag_ms: 3,
  })
})

t.test('text of the environment becomes what the schema says', async (t) => {
  const env = {
    AGENTMQ_SLOTS: '7',
    AGENTMQ_MAX_LAG_MS: '1.25',
    AGENTMQ_DRAIN: '0',
    AGENTMQ_LABELS: 'gpu, big',
    AGENTMQ_LEVEL: 'high',
    AGENTMQ_NAME: '', // set to nothing is not set
  }
  t.strictSame(resolve({ env }), {
    slots: 7,
    max_lag_ms: 1.25,
    drain: false,
    labels: ['gpu', 'big'],
    level: 'high',
  })
  t.equal(resolve({ env: { AGENTMQ_DRAIN: 'true' } }).drain, true)
})

t.test('an error names the source, the key and the value', async (t) => {
  const cases = [
    [{ flags: { slots: -1 } }, /^--slots: -1 must be/],
    [{ flags: { slots: Number.NaN } }, /^--slots: /],
    [{ env: { AGENTMQ_SLOTS: 'many' } }, /^AGENTMQ_SLOTS: /],
    [{ env: { AGENTMQ_DRAIN: 'maybe' } }, /^AGENTMQ_DRAIN: "maybe" must be boolean/],
    [{ file: { level: 'loud' }, fileName: 'a.json' }, /^a\.json: level: "loud" must/],
    [{ flags: { 'log-level': 'loud' } }, /^--log-level: "loud"/],
    [{ file: [], fileName: 'a.json' }, /^a\.json: must be a JSON object/],
    [{ file: 5 }, /^config file: must be a JSON object/],
    [{ file: { slot: 1 } }, /unknown key slot; did you mean slots\?/],
    [{ file: { __proto__: null, constructor: 1 } }, /unknown key constructor/],
    [{ file: { zzzzzzzzzzzzzzzz: 1 } }, /known are slots, name/],
  ] as const
  for (const [sources, message] of cases) {
    t.throws(() => resolve(sources), { code: 'BAD_CONFIG', message })
  }
})

t.test('a setting that is required must come from somewhere', async (t) => {
  const strict = Type.Object({ key: Type.String() })
  t.throws(() => resolveSettings(strict, {}), { code: 'BAD_CONFIG', message: /must have key/ })
})

t.test('flags are made from the schema', async (t) => {
  t.match(flagsOf(schema), {
    slots: { type: 'number', array: false, defaultDescription: '4' },
    name: { type: 'string', describe: 'Name for people [AGENTMQ_NAME]' },
    'max-lag-ms': { type: 'number' },
    drain: { type: 'boolean' },
    labels: { type: 'string', array: true },
    'log-level': { choices: ['low', 'high'], describe: 'How much to say [AGENTMQ_LEVEL]' },
  })
  t.equal(environmentName('max_lag_ms'), 'AGENTMQ_MAX_LAG_MS')
})

t.test('a config file gives one part its section', async (t) => {
  t.same(configSection('{"host":{"slots":2}}', 'host', 'c.json'), { slots: 2 })
  t.equal(configSection('{"host":{}}', 'broker', 'c.json'), undefined)
  const bad = [
    ['{', /^c\.json: is not JSON/],
    ['[]', /must be a JSON object/],
    ['{"hots":{}}', /did you mean host\?/],
  ] as const
  for (const [text, message] of bad) {
    t.throws(() => configSection(text, 'host', 'c.json'), { code: 'BAD_CONFIG', message })
  }
})

t.test('places follow the environment, and an empty variable is not set', async (t) => {
  const env = { HOME: '/home/a', XDG_RUNTIME_DIR: '/run/user/1', XDG_STATE_HOME: '' }
  t.same(resolvePlaces(env), {
    runtimeDir: '/run/user/1/agentmq',
    stateDir: '/home/a/.local/state/agentmq',
    endpoint: 'ipc:///run/user/1/agentmq/broker.sock',
    streams: 'ipc:///run/user/1/agentmq/streams.sock',
  })
  t.match(resolvePlaces({ XDG_STATE_HOME: '/state' }), {
    stateDir: '/state/agentmq',
    runtimeDir: '/state/agentmq/run',
  })
  t.match(resolvePlaces(env, { dir: '/d', endpoint: 'tcp://1.2.3.4:5' }), {
    stateDir: '/d',
    runtimeDir: '/d/run',
    endpoint: 'tcp://1.2.3.4:5',
  })
  t.throws(() => resolvePlaces({ HOME: '' }), { code: 'BAD_CONFIG', message: /XDG_STATE_HOME/ })
  t.equal(defaultConfigPath({ HOME: '/h', XDG_CONFIG_HOME: '' }), '/h/.config/agentmq/config.json')
  t.equal(defaultConfigPath({ XDG_CONFIG_HOME: '/c' }), '/c/agentmq/config.json')
  t.equal(defaultConfigPath({}), undefined)
})

t.test('a socket path that the system cannot take is refused in time', async (t) => {
  const dirOf = (bytes: number) => `/${'d'.repeat(bytes - '/run/streams.sock'.length - 1)}`
  const longest = resolvePlaces({}, { dir: dirOf(MAX_IPC_PATH_BYTES) })
  t.equal(Buffer.byteLength(ipcPath(longest.streams) ?? ''), MAX_IPC_PATH_BYTES)
  t.throws(() => resolvePlaces({}, { dir: dirOf(MAX_IPC_PATH_BYTES + 1) }), {
    code: 'BAD_CONFIG',
    message: /108 bytes, 107 are allowed/,
  })
  t.equal(ipcPath('tcp://a:1'), undefined)
})

t.test('the nearest word is what was meant, or nothing', async (t) => {
  const words = ['slots', 'labels', 'endpoint']
  t.equal(nearest('slot', words), 'slots')
  t.equal(nearest('SLOTS', words), 'slots')
  t.equal(nearest('endponit', words), 'endpoint')
  t.equal(nearest('qqqqqqqqqqqq', words), undefined)
  t.equal(nearest('a', []), undefined)
  t.throws(() => rejectUnknown(['x'], ['broker', 'host'], 'f'), { code: 'BAD_CONFIG' })
})

t.test('a mismatch names the path and what is wrong', async (t) => {
  const nested = Type.Object({ a: Type.Array(Type.Object({ b: Type.Integer() })) })
  t.equal(mismatch(nested, { a: [{ b: 1 }] }), undefined)
  t.match(mismatch(nested, { a: [{ b: 'x' }] }), /^\/a\/0\/b must be integer/)
  t.match(mismatch(nested, {}), /^\/ must have a/)
  const closed = Type.Object({}, { additionalProperties: false })
  t.match(mismatch(closed, { extra: 1 }), /^\/extra is not allowed here/)
  t.match(mismatch(Type.Number(), Number.NaN), /number/)
})

t.test('ids are what they say', async (t) => {
  const zeros = (size: number) => Buffer.alloc(size)
  const ones = (size: number) => Buffer.alloc(size, 0xff)
  t.equal(newUuid(zeros), '00000000-0000-4000-8000-000000000000')
  t.equal(newUuid(ones), 'ffffffff-ffff-4fff-bfff-ffffffffffff')
  t.equal(newToken(ones).length, 22)
  const ids = new RequestIds()
  t.same([ids.next(), ids.next()], ['1', '2'])
})
