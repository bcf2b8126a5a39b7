import fc from 'fast-check'
import t from 'tap'
import { decodeBody, encode } from '../../protocol/codec.ts'
import { ERRORS, type ErrorCode, isErrorCode, ProtocolError } from '../../protocol/errors.ts'
import { ErrorBody } from '../../protocol/messages/calls.ts'
import { METHODS } from '../../protocol/methods/index.ts'
import { negotiateMinor, PROTOCOL_MAJOR, PROTOCOL_MINOR } from '../../protocol/version.ts'

const CODES = Object.keys(ERRORS) as readonly ErrorCode[]

t.test('every row of the error table can be used by programs and by people', async (t) => {
  for (const code of CODES) {
    const { message, advice, http, jsonRpc } = ERRORS[code]
    t.match(code, /^[A-Z][A-Z_]+$/)
    t.match(message, /^[^A-Z].*[^.]$/, 'a message goes on after a colon')
    t.match(advice, /^[A-Z].*\.$/, 'advice is a sentence')
    t.ok(http >= 400 && http < 600)
    t.ok(jsonRpc <= -32000 && jsonRpc >= -32768)
  }
})

t.test('details fill the message, and what is missing stays visible', async (t) => {
  const error = new ProtocolError('NO_SUCH_SESSION', { session: '$& {x}' })
  t.equal(error.message, 'there is no session $& {x}')
  t.equal(new ProtocolError('NO_SUCH_SESSION').message, 'there is no session {session}')
  t.equal(
    new ProtocolError('NO_SUCH_SESSION', { toString: 1 }).message,
    'there is no session {session}',
  )
})

t.test('an error survives the wire, whatever its details', async (t) => {
  const details = fc.dictionary(
    fc.stringMatching(/^[a-z_]{1,12}$/),
    fc.oneof(fc.string(), fc.integer()),
    { noNullPrototype: true },
  )
  const executed = fc.constantFrom('no', 'yes', 'unknown')
  const where = fc.constantFrom('client', 'broker', 'host', 'cli')
  fc.assert(
    fc.property(fc.constantFrom(...CODES), details, executed, where, (code, values, done, part) => {
      const error = new ProtocolError(code, values, { executed: done, where: part })
      const body = decodeBody(ErrorBody, encode(error.toWire()))
      const { message, advice, retryable } = error
      t.match(ProtocolError.fromWire(body), { code, message, advice, retryable, executed: done })
    }),
    { numRuns: 200 },
  )
})

t.test('retry_after_ms survives the wire', async (t) => {
  const error = new ProtocolError('OVERLOADED', {}, { retryAfterMs: 250 })
  t.equal(ProtocolError.fromWire(error.toWire()).retryAfterMs, 250)
})

t.test('a code of a newer peer keeps its text', async (t) => {
  const wire = { ...new ProtocolError('BUSY').toWire(), code: 'OF_TOMORROW', message: 'new words' }
  t.match(ProtocolError.fromWire(wire), { code: 'INTERNAL', message: /OF_TOMORROW: new words/ })
  t.equal(isErrorCode('constructor'), false)
})

t.test('whatever was thrown gets a code', async (t) => {
  const known = new ProtocolError('BUSY')
  t.equal(ProtocolError.from(known, 'host'), known)
  const cause = new Error('disk')
  const wrapped = ProtocolError.from(cause, 'host')
  t.match(wrapped, { code: 'INTERNAL', where: 'host', executed: 'unknown', message: /disk/ })
  t.equal(wrapped.cause, cause)
  t.match(ProtocolError.from('words', 'cli', 'no'), { message: /words/, executed: 'no' })
})

t.test('methods name errors of the table only', async (t) => {
  for (const { name, errors } of Object.values(METHODS)) {
    t.ok(errors.every(isErrorCode), name)
    t.equal(new Set(errors).size, errors.length, name)
  }
})

t.test('the lower minor version wins and another major version is refused', async (t) => {
  t.equal(negotiateMinor({ major: PROTOCOL_MAJOR, minor: PROTOCOL_MINOR + 5 }), PROTOCOL_MINOR)
  t.equal(negotiateMinor({ major: PROTOCOL_MAJOR, minor: 0 }), 0)
  t.throws(() => negotiateMinor({ major: PROTOCOL_MAJOR + 1, minor: 0 }), {
    code: 'VERSION_MISMATCH',
  })
})
