/** Changing the config file: one member of it, and nothing else. */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { editConfig } from '../../clients/cli/config/config-edit.ts'
import { removeMember, setMember } from '../../clients/cli/config/json-edit.ts'
import { anyJson } from '../support/arbitrary.ts'

const WRITTEN = `{
    "client":   { "backend": "claude" },
    "host": {
        "slots": 8, "roots": ["/srv",
            "/home"]
    }
}
`

t.test('a new section comes at the end, indented as the rest, and the rest is left', async (t) => {
  const after = setMember(WRITTEN, ['contexts', 'lab'], { endpoint: 'tcp://lab:1' })
  t.equal(
    after,
    WRITTEN.replace(
      '"/home"]\n    }\n',
      `"/home"]\n    },\n    "contexts": {\n        "lab": {\n            "endpoint": "tcp://lab:1"\n        }\n    }\n`,
    ),
  )
  t.equal(removeMember(after, ['contexts']), WRITTEN, 'and it can be taken away again')
})

t.test('a member goes where its neighbours are, on their line or on one of its own', async (t) => {
  t.equal(
    setMember(WRITTEN, ['client', 'context'], 'lab'),
    WRITTEN.replace('"claude" }', '"claude", "context": "lab" }'),
  )
  t.equal(setMember('{}', ['a'], 1), '{\n  "a": 1\n}')
  t.equal(setMember('{"a":{}}', ['a', 'b'], [1]), '{"a":{\n  "b": [\n    1\n  ]\n}}')
  t.equal(
    setMember('{\n\t"a": 1\n}', ['b'], { c: 2 }),
    '{\n\t"a": 1,\n\t"b": {\n\t\t"c": 2\n\t}\n}',
  )
})

t.test('a member that is there gets its new value, the last one where there are two', async (t) => {
  t.equal(setMember('{ "a": 1, "b": "}" }', ['b'], 2), '{ "a": 1, "b": 2 }')
  t.equal(setMember('{"a":1,"a":[{"a":"\\"]"}]}', ['a'], 2), '{"a":1,"a":2}')
  t.equal(
    setMember('{"a": null}', ['a', 'b'], 2),
    '{"a": {"b":2}}',
    'what is no section is one now',
  )
})

t.test('taking a member away takes its comma along', async (t) => {
  const text = '{ "a": 1, "b": [2, "}"], "c": 3 }'
  t.equal(removeMember(text, ['a']), '{ "b": [2, "}"], "c": 3 }')
  t.equal(removeMember(text, ['b']), '{ "a": 1, "c": 3 }')
  t.equal(removeMember(text, ['c']), '{ "a": 1, "b": [2, "}"] }')
  t.equal(removeMember('{ "a": { "b": 1 } }', ['a', 'b']), '{ "a": {} }')
  for (const path of [['x'], ['a', 'x'], ['x', 'y']]) t.equal(removeMember(text, path), text)
})

const anyObject = fc.dictionary(fc.string({ maxLength: 5 }), anyJson, { maxKeys: 5 })
const anyIndent = fc.constantFrom(undefined, 1, 2, 4, '\t')

t.test('whatever is in the file, the change is made and all else says the same', async (t) => {
  const names = fc.array(fc.string({ minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 })
  const usable = names.filter((path) => !path.includes('__proto__'))
  fc.assert(
    fc.property(anyObject, anyIndent, usable, anyJson, (object, indent, path, value) => {
      const text = JSON.stringify(object, null, indent)
      const after = setMember(text, path, value)
      t.strictSame(JSON.parse(after), withMember(object, path, value))
      const away = removeMember(after, path)
      t.strictSame(JSON.parse(away), withoutMember(JSON.parse(after), path))
    }),
    { numRuns: 500 },
  )
})

type Json = Record<string, unknown>
const isObject = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function withMember(object: unknown, [name = '', ...rest]: string[], value: unknown): Json {
  const base = isObject(object) ? object : {}
  return { ...base, [name]: rest.length === 0 ? value : withMember(base[name], rest, value) }
}

function withoutMember(object: Json, [name = '', ...rest]: string[]): Json {
  const { [name]: inner, ...others } = object
  if (rest.length === 0) return others
  return isObject(inner) ? { ...object, [name]: withoutMember(inner, rest) } : object
}

function directory(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'amq-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

const setBackend = (text: string) => setMember(text, ['client', 'backend'], 'demo')

t.test('a file that is missing is made for its owner alone, with its directory', async (t) => {
  const path = join(directory(t), 'agentmq', 'config.json')
  editConfig(path, setBackend)
  t.same(JSON.parse(readFileSync(path, 'utf8')), { client: { backend: 'demo' } })
  t.equal(statSync(path).mode & 0o777, 0o600)
  t.equal(statSync(join(path, '..')).mode & 0o777, 0o700)
})

t.test('a file keeps its rights, but others may not write it any more', async (t) => {
  const path = join(directory(t), 'config.json')
  for (const [before, after] of [
    [0o600, 0o600],
    [0o644, 0o644],
    [0o666, 0o644],
  ] as const) {
    writeFileSync(path, '{}')
    chmodSync(path, before)
    editConfig(path, setBackend)
    t.equal(statSync(path).mode & 0o777, after)
  }
})

t.test('a link stays a link', async (t) => {
  const dir = directory(t)
  writeFileSync(join(dir, 'real.json'), '{}')
  symlinkSync('real.json', join(dir, 'config.json'))
  editConfig(join(dir, 'config.json'), setBackend)
  t.ok(lstatSync(join(dir, 'config.json')).isSymbolicLink())
  t.match(readFileSync(join(dir, 'real.json'), 'utf8'), 'demo')
})

t.test('a file that is no config is refused, and left as it is', async (t) => {
  const path = join(directory(t), 'config.json')
  for (const text of ['{ // mine\n}', '[]', '{"clinet":{}}']) {
    writeFileSync(path, text)
    t.throws(() => editConfig(path, setBackend), { code: 'BAD_CONFIG' })
    t.equal(readFileSync(path, 'utf8'), text)
  }
  t.same(readdirSync(join(path, '..')), ['config.json'], 'and nothing is left beside it')
})

t.test('what another process wrote meanwhile is not lost', async (t) => {
  const path = join(directory(t), 'config.json')
  writeFileSync(path, '{}')
  let times = 0
  editConfig(path, (text) => {
    times += 1
    if (times === 1) writeFileSync(path, '{"host":{"slots":1}}')
    return setBackend(text)
  })
  t.same(JSON.parse(readFileSync(path, 'utf8')), {
    host: { slots: 1 },
    client: { backend: 'demo' },
  })
  t.equal(times, 2)
})

t.test('an edit that changes nothing does not touch the file', async (t) => {
  const path = join(directory(t), 'config.json')
  editConfig(path, (text) => text)
  t.ok(existsSync(path), 'but it is there')
  const { ino } = statSync(path)
  editConfig(path, (text) => text)
  t.equal(statSync(path).ino, ino)
})
