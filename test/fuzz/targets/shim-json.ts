/** The JSON reader of the old doors (clients/shim/legacy/json), against JSON.parse: no text confuses or stops it. */
import { isDeepStrictEqual } from 'node:util'
import { JsonFault } from '../../../clients/shim/legacy/json/fault.ts'
import { JsonReader } from '../../../clients/shim/legacy/json/reader.ts'
import {
  encode,
  fromPlain,
  type JsonValue,
  plain,
} from '../../../clients/shim/legacy/json/value.ts'
import { readBatch, readRequest } from '../../../clients/shim/legacy/request.ts'
import { legacyWords } from '../legacy-words.ts'
import { mutateLine } from '../mutate-json.ts'
import { must, type Target } from '../target.ts'

/** Where the two differ on purpose: half surrogates, numbers without end, depth, count. */
const STRICTER = /surrogate|hex escape|out of range|recursion|too many values/

/** Pieces: texts, each for itself. */
export function shimJsonTarget(): Target {
  const { http, unix, events } = legacyWords()
  const words = [...http, ...unix, ...events]
  return {
    name: 'shim-json',
    about: 'JSON of old clients: read as JSON.parse does, or refused with a place',
    lifetime: 1000,
    generate: (random) => [mutateLine(random.pick(words), random)],
    open: () => ({
      run: (pieces) => {
        for (const piece of pieces) check(piece.toString())
      },
    }),
  }
}

function check(text: string): void {
  const value = read(text)
  const parsed = parse(text)
  if (value instanceof JsonFault) {
    const isExpected = parsed === REFUSED || STRICTER.test(value.message)
    must(isExpected, () => `it refuses JSON: ${value.inText(text)}`)
  } else checkValue(value, parsed)
  attempt(() => readRequest(text), text)
  attempt(() => readBatch(text), text)
}

function checkValue(value: JsonValue, parsed: unknown): void {
  must(parsed !== REFUSED, 'it reads what is no JSON')
  must(isDeepStrictEqual(plain(value), parsed), 'it reads something else than JSON.parse')
  const again = read(encode(fromPlain(parsed)))
  must(!(again instanceof JsonFault), 'what it writes it cannot read')
}

const REFUSED = Symbol('refused')

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return REFUSED
  }
}

function read(text: string): JsonValue | JsonFault {
  const reader = new JsonReader(text)
  const found = attempt(() => {
    const value = reader.value()
    reader.end()
    return value
  }, text)
  return found
}

/** A fault has a place in the text, which can be told. */
function attempt<T>(run: () => T, text: string): T | JsonFault {
  try {
    return run()
  } catch (thrown) {
    if (!(thrown instanceof JsonFault)) throw thrown
    must(thrown.inText(text).length < text.length * 10 + 500, 'a fault says more than the text')
    return thrown
  }
}
