/** The runner of the legacy conformance cases itself: what fits a pattern, and what must not. */
import t from 'tap'
import { parseExact, writeExact } from '../conformance/legacy/exact-json.ts'
import { type Answer, mismatches } from '../conformance/legacy/expectation.ts'
import { guiChunk } from '../conformance/legacy/gui-decoder.ts'
import { compare, describe, fitsWholeText } from '../conformance/legacy/pattern.ts'
import { atPath, fill, namesIn } from '../conformance/legacy/values.ts'
import { parseVectors } from '../conformance/legacy/vector.ts'

const fits = (pattern: string, value: string): boolean =>
  compare(parseExact(pattern), parseExact(value)).length === 0

/** How a case names a saved value. */
const the = (name: string): string => `\${${name}}`

const UUID = '00000000-0000-4000-8000-00000000000a'

t.test('numbers keep how they were written', async (t) => {
  for (const text of ['0.0', '12345678901234567890', '1e2', '-0', '{"a":[1,2.50,"3.0"]}']) {
    t.equal(writeExact(parseExact(text)), text)
  }
  for (const text of ['01', '{"a":1,}', '1 2', '']) t.throws(() => parseExact(text), SyntaxError)
})

t.test('wildcards alone', async (t) => {
  const cases: readonly [pattern: string, good: readonly string[], bad: readonly string[]][] = [
    ['<int>', ['0', '-5', '12345678901234567890'], ['0.0', '1e2', '"1"', 'null', 'true']],
    ['<number>', ['0', '0.0', '1e2'], ['"0"', 'null']],
    ['<string>', ['""', '"<int>"'], ['0', 'null', '[]']],
    ['<bool>', ['true', 'false'], ['0', '"true"', 'null']],
    ['<any>', ['null', '0', '{}', '[]'], []],
    ['<uuid>', [`"${UUID}"`, '{"$bin":"000000000000400080000000000000aa"}'], ['""', '"x"', '5']],
    ['<uuid>', [], [`"${UUID.toUpperCase()}"`, `"${UUID} "`, '{"$bin":"00"}']],
    ['<rfc3339>', ['"2025-12-11T16:39:40Z"', '"2025-12-11T16:39:40.123456789+00:00"'], ['1']],
    ['<rfc3339>', [], ['"2025-12-11"', '"2025-12-11T16:39:40.1Z"', '"2025-13-41T16:39:40Z"']],
  ]
  for (const [pattern, good, bad] of cases) {
    for (const value of good) t.ok(fits(`"${pattern}"`, value), `${pattern} takes ${value}`)
    for (const value of bad) t.notOk(fits(`"${pattern}"`, value), `${pattern} refuses ${value}`)
  }
})

t.test('wildcards inside a text', async (t) => {
  t.ok(fitsWholeText('Parse error: <string>', 'Parse error: a\nb'))
  t.notOk(fitsWholeText('Parse error: <string>', 'parse error: a'))
  t.ok(fitsWholeText('tcp://127.0.0.1:<int>', 'tcp://127.0.0.1:19480'))
  t.notOk(fitsWholeText('tcp://127.0.0.1:<int>', 'tcp://127x0.0.1:19480'), 'a dot is a dot')
  t.notOk(fitsWholeText('tcp://127.0.0.1:<int>', 'tcp://127.0.0.1:19480/'), 'to the end')
  t.ok(fitsWholeText('chat/<uuid> {"a":[<int>]}', `chat/${UUID} {"a":[5]}`))
  t.ok(fitsWholeText('<bool>, <rfc3339>', 'true, 2025-12-11T16:39:40Z'))
  t.ok(fitsWholeText('<other>', '<other>'), 'what is no wildcard is a text')
})

t.test('objects have exactly the members', async (t) => {
  t.ok(fits('{"a":1,"b":"<any>"}', '{"b":null,"a":1.0}'))
  t.notOk(fits('{"a":1}', '{"a":1,"b":2}'))
  t.notOk(fits('{"a":1,"b":"<any>"}', '{"a":1}'), 'a member of any value must be there')
  t.notOk(fits('{"toString":"<any>"}', '{}'))
  t.notOk(fits('{}', '[]'))
  t.notOk(fits('null', '{}'))
})

t.test('arrays go by position, or in any order when they say so', async (t) => {
  t.ok(fits('[1,"<any>"]', '[1,[]]'))
  t.notOk(fits('[1,2]', '[2,1]'))
  t.notOk(fits('[1]', '[1,2]'))
  t.notOk(fits('[1,"<any>"]', '[1]'))
  t.ok(fits('["<unordered>",{"a":1},{"a":"<int>"}]', '[{"a":1},{"a":2}]'))
  t.ok(fits('["<unordered>","<any>",1]', '[1,2]'), 'a wildcard leaves the one value to the other')
  t.notOk(fits('["<unordered>",1,1]', '[1,2]'))
  t.notOk(fits('["<unordered>",1]', '[1,1]'))
  t.ok(fits('["<unordered>"]', '[]'))
})

t.test('a mismatch names its place', async (t) => {
  const found = compare(parseExact('{"r":[{"id":"<uuid>","n":1}]}'), parseExact('{"r":[{"n":2}]}'))
  t.same(found, [
    { path: '/r/0/id', expected: '<uuid>' },
    { path: '/r/0/n', expected: 1, got: 2 },
  ])
  t.same(describe(found), [
    '    at /r/0/id',
    '      - "<uuid>"',
    '      + (nothing)',
    '    at /r/0/n',
    '      - 1',
    '      + 2',
  ])
})

t.test('saved values', async (t) => {
  const values = new Map<string, ReturnType<typeof parseExact>>([
    ['ID', UUID],
    ['BIN', { $bin: '00ff' }],
    ['N', 5],
  ])
  t.same(fill([the('ID'), `chat/${the('ID')}`, the('BIN'), `n=${the('N')}`, the('NO')], values), [
    UUID,
    `chat/${UUID}`,
    { $bin: '00ff' },
    'n=5',
    the('NO'),
  ])
  t.same([...namesIn({ a: [`${the('A')} ${the('B')}`, { c: the('A') }] })], ['A', 'B'])
  t.equal(atPath(parseExact('{"result":{"agents":[{"id":"x"}]}}'), 'result.agents.0.id'), 'x')
  t.equal(atPath(parseExact('{"result":{}}'), 'result.toString'), undefined)
})

t.test('an answer against all that was expected of it', async (t) => {
  const check = (expect: string, answer: Answer): string[] =>
    mismatches(JSON.parse(expect), answer).map(({ path }) => path)
  const reply = { status: 200, contentType: 'application/json', body: '{"id":1}', eof: true }
  t.same(check('{"status":200,"content_type":"application/json","match":{"id":1}}', reply), [])
  t.same(check('{"status":405,"match":{"id":2},"then":"eof"}', reply), ['status', '/id'])
  t.same(check('{"body":""}', reply), ['body'])
  t.same(check('{"match":{}}', { body: 'no json' }), [''])
  t.same(check('{"then":"eof"}', { eof: false }), ['then'])
  t.same(check('{"wonder":1}', reply), ['wonder'], 'what is not known is never a success')
  t.same(check('{"no_reply":true,"match":null}', { silent: true }), [])
  t.same(check('{"no_reply":true,"match":null}', { json: [] }), ['no_reply', ''])
  t.same(check('{"match":{"array":["x"]}}', { json: ['x'] }), [])
  t.same(check('{"match":{"array":["x"]}}', { silent: true }), [''])
  t.same(check('{"client_chunk":null}', { json: null }), [])
  const frames = [`chat/${UUID} {"type":"text"}`]
  t.same(
    check('{"frames":["chat/<uuid> {\\"type\\":\\"text\\"}"],"match":[{"type":"text"}]}', {
      frames,
    }),
    [],
  )
  t.same(check('{"frames":[]}', { frames }), ['frames/0'])
  t.same(check('{"frames":["a","b"]}', { frames }), ['frames/0', 'frames/1'])
})

t.test('a file of cases', async (t) => {
  const [one] = parseVectors(
    '{"id":"a","transport":"unix","setup":[{"send":"x","save":{"T":"result.id"}}],"send":"y","expect":{}}\n\n',
  )
  t.same(one, {
    id: 'a',
    transport: 'unix',
    setup: [{ send: 'x', save: { T: 'result.id' } }],
    send: 'y',
    expect: {},
    note: '',
  })
  const bad = [
    ['{', /line 1/],
    ['{"id":"a","transport":"smoke","send":1,"expect":{}}', /transport is "smoke"; known: http/],
    ['{"id":"a","transport":"ws","expect":{}}', /sends nothing/],
    ['{"id":"a","transport":"ws","send":1}', /expects nothing/],
  ] as const
  for (const [text, message] of bad) t.throws(() => parseVectors(text), { message })
  const twice = '{"id":"a","transport":"ws","send":1,"expect":{}}'
  const long = 'y'.repeat(200_000)
  t.ok(fitsWholeText(`<int> ${long} <bool>`, `5 ${long} true`))
  t.notOk(fitsWholeText(`<int> ${long} <bool>`, `5 ${long}y true`))
  t.throws(() => parseVectors(`${twice}\n${twice}`), {
    message: /line 2: there is a case a before/,
  })
})

t.test('what the GUI makes of a message', async (t) => {
  const bytes = (...frames: string[]): Buffer[] => frames.map((frame) => Buffer.from(frame))
  const chunk = (json: string) => guiChunk(bytes(`chat/${UUID} ${json}`))
  t.same(chunk('{"type":"text","content":"a b"}'), { type: 'text', content: 'a b' })
  t.same(chunk('{"content":"","more":1,"type":"text"}'), { type: 'text', content: '' })
  t.same(chunk('{"type":"complete","exit_code":-1,"session_id":"x"}'), {
    type: 'complete',
    exit_code: -1,
  })
  t.same(chunk('{"type":"tool_use_input","tool_id":"a","input":null}'), {
    type: 'tool_use_input',
    tool_id: 'a',
    input: null,
  })
  t.same(guiChunk(bytes('anything', '{"type":"error","message":"m"}', 'more')), {
    type: 'error',
    message: 'm',
  })
  const dropped = [
    '{"type":"complete"}',
    '{"type":"complete","exit_code":0.0}',
    '{"type":"complete","exit_code":-0}',
    '{"type":"complete","exit_code":2147483648}',
    '{"type":"complete","exit_code":null}',
    '{"type":"turn_complete","turn_number":-1}',
    '{"type":"turn_complete","turn_number":4294967296}',
    '{"type":"tool_use_input","tool_id":"a","content":"{}"}',
    '{"type":"tool_result","tool_id":"a","result":"r"}',
    '{"type":"tool_result","tool_id":"a","result":{},"is_error":false}',
    '{"type":"text","content":"\\ud800"}',
    '{"type":"Text","content":"a"}',
    '{"type":"toString"}',
    '{"content":"a"}',
    '["text","a"]',
    '{"type":"text","content":"a"',
  ]
  for (const json of dropped) t.equal(chunk(json), null, json)
  t.equal(guiChunk(bytes('{"type":"text","content":"a"}')), null, 'no topic')
  t.equal(guiChunk([Buffer.from([0x63, 0x20, 0xff])]), null, 'not UTF-8')
  t.equal(guiChunk([]), null)
})
