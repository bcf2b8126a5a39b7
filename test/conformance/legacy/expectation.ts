/** What came back, in one form for all transports, and how it is held against what was expected. */
import {
  isArray,
  isObject,
  type Json,
  type JsonObject,
  parseExact,
  writeExact,
} from './exact-json.ts'
import { compare, fitsWholeText, type Mismatch } from './pattern.ts'

/** An answer. A member that a transport does not have is absent. */
export interface Answer {
  readonly status?: number
  readonly contentType?: string
  /** The text of an HTTP body, or of a line of the Unix socket. */
  readonly body?: string
  /** Whether the server closed the connection after it. */
  readonly eof?: boolean
  /** Messages of a WebSocket, or the one reply of a REQ socket. */
  readonly json?: Json
  /** Frames of the PUB socket. */
  readonly frames?: readonly string[]
  /** Nothing came. */
  readonly silent?: boolean
}

/** Members of an expectation that say nothing about the answer. */
const REMARKS = new Set(['note'])

/** How each member of an expectation is checked. */
const CHECKS = new Map<string, (expected: Json, answer: Answer) => readonly Mismatch[]>([
  ['status', (expected, { status }) => part('status', expected, status)],
  ['content_type', (expected, { contentType }) => part('content_type', expected, contentType)],
  ['body', (expected, { body }) => part('body', expected, body)],
  ['match', matches],
  ['messages', (expected, { json }) => part('messages', expected, json)],
  ['frames', (expected, { frames }) => frameMismatches(expected, frames ?? [])],
  ['client_chunk', (expected, { json }) => part('client_chunk', expected, json)],
  ['no_reply', (expected, { silent }) => part('no_reply', expected, silent ?? false)],
  ['silent', (expected, { silent }) => part('silent', expected, silent ?? false)],
  ['then', (expected, { eof }) => part('then', expected, eof === true ? 'eof' : 'open')],
])

/** Nothing when the answer is as expected. A member that is not known is a mismatch, never ignored. */
export function mismatches(expect: JsonObject, answer: Answer): readonly Mismatch[] {
  return Object.entries(expect).flatMap(([name, expected]): readonly Mismatch[] => {
    if (REMARKS.has(name)) return []
    const check = CHECKS.get(name)
    if (check === undefined) return [{ path: name, expected: `this runner knows no ${name}` }]
    return check(expected, answer)
  })
}

function part(name: string, expected: Json, got: Json | undefined): readonly Mismatch[] {
  if (got === undefined) return [{ path: name, expected }]
  return compare(expected, got, name)
}

/** A JSON pattern against whatever JSON came. Frames are matched by what follows the topic. */
function matches(expected: Json, answer: Answer): readonly Mismatch[] {
  if (answer.silent === true)
    return expected === null || isEmpty(expected) ? [] : [{ path: '', expected }]
  if (answer.frames !== undefined) return compare(expected, answer.frames.map(chunkOf))
  if (answer.json !== undefined) return compare(innerOf(expected), answer.json)
  const json = parsed(answer.body ?? '')
  return json === undefined
    ? [{ path: '', expected, got: answer.body ?? '' }]
    : compare(expected, json)
}

function isEmpty(expected: Json): boolean {
  return isArray(expected) && expected.length === 0
}

/** Replies of the agent protocol are written as `{array}` or `{map}`. */
function innerOf(expected: Json): Json {
  if (!isObject(expected) || Object.keys(expected).length !== 1) return expected
  return expected['array'] ?? expected['map'] ?? expected
}

/** What follows the topic of a frame. */
export function chunkOf(frame: string): Json {
  return parsed(frame.slice(frame.indexOf(' ') + 1)) ?? frame
}

/** The JSON of an answer that came as text. */
export function answerJson({ json, body }: Answer): Json | undefined {
  return json ?? parsed(body ?? '')
}

function parsed(text: string): Json | undefined {
  try {
    return parseExact(text)
  } catch {
    return undefined
  }
}

/** Pieces of one text that follow each other, as one: how it was cut is a matter of moments. */
export function withWholeTexts(answer: Answer): Answer {
  if (answer.frames === undefined) return answer
  const whole: string[] = []
  let last: JsonObject | undefined
  for (const frame of answer.frames) {
    const json = chunkOf(frame)
    const chunk = isObject(json) ? json : undefined
    const [before, after] = [last?.['content'], chunk?.['content']]
    const isSame = last !== undefined && chunk !== undefined && last['type'] === chunk['type']
    const isText = chunk?.['type'] === 'text' || chunk?.['type'] === 'thinking'
    if (isSame && isText && typeof before === 'string' && typeof after === 'string') {
      last = { ...chunk, content: before + after }
      whole[whole.length - 1] = `${frame.slice(0, frame.indexOf(' '))} ${writeExact(last)}`
    } else {
      last = chunk
      whole.push(frame)
    }
  }
  return { ...answer, frames: whole }
}

function frameMismatches(expected: Json, frames: readonly string[]): readonly Mismatch[] {
  if (!isArray(expected)) return [{ path: 'frames', expected, got: [...frames] }]
  const places = Array.from({ length: Math.max(expected.length, frames.length) }, (_, at) => at)
  return places.flatMap((at): readonly Mismatch[] => {
    const [pattern, frame] = [expected[at], frames[at]]
    const fits = typeof pattern === 'string' && frame !== undefined && fitsWholeText(pattern, frame)
    if (fits) return []
    return [
      {
        path: `frames/${at}`,
        ...(pattern !== undefined && { expected: pattern }),
        ...(frame !== undefined && { got: frame }),
      },
    ]
  })
}
