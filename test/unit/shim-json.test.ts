/** The JSON reader of the legacy doors against JSON.parse, and its texts against those of the old parser. */
import fc from 'fast-check'
import t from 'tap'
import { JsonFault } from '../../clients/shim/legacy/json/fault.ts'
import { JsonReader } from '../../clients/shim/legacy/json/reader.ts'
import { encode, fromPlain, type JsonValue, plain } from '../../clients/shim/legacy/json/value.ts'
import { readBatch, readRequest } from '../../clients/shim/legacy/request.ts'

function read(text: string): JsonValue {
  const reader = new JsonReader(text)
  const value = reader.value()
  reader.end()
  return value
}

/** The text of what is wrong, or undefined. */
function faultOf(text: string, run: (text: string) => unknown): string | undefined {
  try {
    run(text)
    return undefined
  } catch (thrown) {
    if (thrown instanceof JsonFault) return thrown.inText(text)
    throw thrown
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}

/** Rust has no strings with half a surrogate, and no numbers that are infinite. */
const isRust = (text: string): boolean =>
  !/\\u[dD][89a-fA-F]/.test(text) && !/\d{3}|[eE]/.test(text)

t.test('what JSON.parse reads is read the same', async () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      t.strictSame(plain(read(text)), JSON.parse(text))
    }),
    { numRuns: 300 },
  )
})

t.test('what JSON.parse refuses is refused, and nothing else', async () => {
  const piece = fc.constantFrom(
    ...['{', '}', '[', ']', ',', ':', '"', '"a"', '1', '-', '0', '.5', 'e3', 'true', 'null', 'nul'],
    ...[' ', '\n', '\\', '\\n', '\\u00e4', '\u0001', 'é', '{"a":1}', '[1,2]'],
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const text = pieces.join('')
      if (!isRust(text)) return
      t.equal(faultOf(text, read) === undefined, isJson(text), JSON.stringify(text))
    }),
    { numRuns: 2000 },
  )
})

t.test('numbers stay what they were', async (t) => {
  for (const text of ['1', '-7', '18446744073709551615', '-9223372036854775808', '1.0', '2.5']) {
    t.equal(encode(read(text)), text)
  }
  t.equal(encode(read('1e3')), '1000.0')
  t.equal(encode(read('18446744073709551616')), '18446744073709552000.0')
  t.equal(encode(fromPlain({ b: [1.5, 2], a: null })), '{"a":null,"b":[1.5,2]}')
  t.equal(faultOf('1e999', read), 'number out of range at line 1 column 5')
  t.equal(faultOf('9'.repeat(400), read), 'number out of range at line 1 column 400')
})

t.test('texts of faults', async (t) => {
  const cases: readonly (readonly [text: string, fault: string])[] = [
    ['', 'EOF while parsing a value at line 1 column 0'],
    ['hello', 'expected value at line 1 column 1'],
    ['nul', 'EOF while parsing a value at line 1 column 3'],
    ['nulx', 'expected ident at line 1 column 4'],
    ['[1,]', 'trailing comma at line 1 column 4'],
    ['[1 2]', 'expected `,` or `]` at line 1 column 4'],
    ['{"a" 1}', 'expected `:` at line 1 column 6'],
    ['{"a":1 "b"}', 'expected `,` or `}` at line 1 column 8'],
    ['{1:2}', 'key must be a string at line 1 column 2'],
    ['[\n\n  x', 'expected value at line 3 column 3'],
    ['"é', 'EOF while parsing a string at line 1 column 3'],
    ['01', 'invalid number at line 1 column 2'],
    ['1 x', 'trailing characters at line 1 column 3'],
    ['['.repeat(200), 'recursion limit exceeded at line 1 column 128'],
  ]
  for (const [text, fault] of cases) t.equal(faultOf(text, read), fault, JSON.stringify(text))
})

t.test('requests', async (t) => {
  const request = { jsonrpc: '2.0', method: 'm', params: null, id: 7 }
  t.same(readRequest('["2.0","m",null,7]'), request)
  t.same(readRequest('{"x":[{}],"id":7,"method":"m","jsonrpc":"2.0"}'), request)
  t.same(readBatch('[["2.0","m",null,7]]'), [request])
  t.same(readBatch(' []'), [])
  const cases: readonly (readonly [text: string, fault: string])[] = [
    ['{"jsonrpc":"2.0"}', 'missing field `method` at line 1 column 17'],
    ['{"id":1,"id":2}', 'duplicate field `id` at line 1 column 12'],
    ['["2.0"]', 'invalid length 1, expected struct RpcRequest with 4 elements at line 1 column 7'],
    ['["2.0","m",null,7,8]', 'trailing characters at line 1 column 19'],
    ['5', 'invalid type: integer `5`, expected struct RpcRequest at line 1 column 1'],
    ['{"method":null}', 'invalid type: null, expected a string at line 1 column 14'],
  ]
  for (const [text, fault] of cases) t.equal(faultOf(text, readRequest), fault, text)
  t.equal(
    faultOf(' {"a":1}', readBatch),
    'invalid type: map, expected a sequence at line 1 column 1',
  )
  t.equal(
    faultOf('[1]', readBatch),
    'invalid type: integer `1`, expected struct RpcRequest at line 1 column 2',
  )
})
