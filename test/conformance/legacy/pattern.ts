/** Patterns of the vector files: `<uuid>`, `<int>` and their like, exact sets of members, any order. */
import {
  isArray,
  isInteger,
  isNumber,
  isObject,
  type Json,
  type JsonObject,
  sameNumber,
  writeExact,
} from './exact-json.ts'

/** One place where what came is not what was expected. */
export interface Mismatch {
  /** `/result/agents/0`, or `` for the whole. */
  readonly path: string
  /** Absent: there should be nothing. */
  readonly expected?: Json
  /** Absent: there is nothing. */
  readonly got?: Json
}

const UUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}'
const RFC3339 =
  '\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d(?:\\.(?:\\d{3}|\\d{6}|\\d{9}))?(?:Z|[+-]\\d\\d:\\d\\d)'

/** What each wildcard stands for inside a longer string. */
const IN_TEXT = {
  uuid: UUID,
  rfc3339: RFC3339,
  number: '-?\\d+(?:\\.\\d+)?(?:[eE][+-]?\\d+)?',
  int: '-?\\d+',
  string: '[\\s\\S]*',
  bool: '(?:true|false)',
  any: '[\\s\\S]*',
} as const
type Wildcard = keyof typeof IN_TEXT

/** What each wildcard stands for when it is the whole pattern. */
const WHOLE: Readonly<Record<Wildcard, (value: Json) => boolean>> = {
  uuid: (value) => isText(value, UUID) || isBinaryUuid(value),
  rfc3339: (value) => isText(value, RFC3339) && !Number.isNaN(Date.parse(value)),
  number: isNumber,
  int: isInteger,
  string: (value) => typeof value === 'string',
  bool: (value) => typeof value === 'boolean',
  any: () => true,
}

const WILDCARD = new RegExp(`<(${Object.keys(IN_TEXT).join('|')})>`, 'g')
const UNORDERED = '<unordered>'

/** Nothing when it fits. */
export function compare(pattern: Json, value: Json, path = ''): readonly Mismatch[] {
  const different = [{ path, expected: pattern, got: value }]
  if (typeof pattern === 'string') return fitsText(pattern, value) ? [] : different
  if (isNumber(pattern)) {
    return isNumber(value) && sameNumber(pattern, value) ? [] : different
  }
  if (isArray(pattern)) return isArray(value) ? compareItems(pattern, value, path) : different
  if (isObject(pattern)) return isObject(value) ? compareMembers(pattern, value, path) : different
  return pattern === value ? [] : different
}

/** A whole text, such as a body or a frame. */
export function fitsWholeText(pattern: string, text: string): boolean {
  const parts = pattern.split(WILDCARD)
  let rest = text
  for (const [at, part] of parts.entries()) {
    if (at % 2 === 1 || part.length < LONG) continue
    if (!rest.includes(part)) return false
    parts[at] = `${STAND_IN}${at}`
    rest = rest.replace(part, () => parts[at] ?? '')
  }
  return new RegExp(`^${textPattern(parts)}$`).test(rest)
}

/** A literal of this many characters may be too large for a regular expression; it is looked for as it is. */
const LONG = 10_000
/** Stands for it then. No text of a case has this character. */
const STAND_IN = '\u0001'

function fitsText(pattern: string, value: Json): boolean {
  const whole = /^<(\w+)>$/.exec(pattern)?.[1]
  if (whole !== undefined && isWildcard(whole)) return WHOLE[whole](value)
  return typeof value === 'string' && fitsWholeText(pattern, value)
}

function isWildcard(name: string): name is Wildcard {
  return Object.hasOwn(IN_TEXT, name)
}

/** The literal parts escaped, the wildcards between them replaced. */
function textPattern(parts: readonly string[]): string {
  return parts
    .map((part, index) => (index % 2 === 1 ? IN_TEXT[part as Wildcard] : escaped(part)))
    .join('')
}

function escaped(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')
}

function compareMembers(pattern: JsonObject, value: JsonObject, path: string): Mismatch[] {
  const names = new Set([...Object.keys(pattern), ...Object.keys(value)])
  return [...names].flatMap((name) => {
    const [expected, got] = [memberOf(pattern, name), memberOf(value, name)]
    const place = `${path}/${name}`
    if (expected === undefined) return got === undefined ? [] : [{ path: place, got }]
    return got === undefined ? [{ path: place, expected }] : compare(expected, got, place)
  })
}

function memberOf(object: JsonObject, name: string): Json | undefined {
  return Object.hasOwn(object, name) ? object[name] : undefined
}

function compareItems(
  pattern: readonly Json[],
  value: readonly Json[],
  path: string,
): readonly Mismatch[] {
  if (pattern[0] === UNORDERED) return compareUnordered(pattern.slice(1), value, path)
  const places = Array.from({ length: Math.max(pattern.length, value.length) }, (_, at) => at)
  return places.flatMap((at): readonly Mismatch[] => {
    const [expected, got] = [pattern[at], value[at]]
    const place = `${path}/${at}`
    if (expected === undefined) return got === undefined ? [] : [{ path: place, got }]
    return got === undefined ? [{ path: place, expected }] : compare(expected, got, place)
  })
}

/** Each pattern takes one value of its own. Two wildcards may want the same, so all pairings count. */
function compareUnordered(
  patterns: readonly Json[],
  values: readonly Json[],
  path: string,
): readonly Mismatch[] {
  if (patterns.length === values.length && canPair(patterns, values)) return []
  return [{ path, expected: [UNORDERED, ...patterns], got: values }]
}

function canPair(patterns: readonly Json[], values: readonly Json[]): boolean {
  /** Index of the pattern that has taken each value. */
  const takenBy = new Map<number, number>()
  const place = (pattern: number, tried: Set<number>): boolean =>
    values.some((value, at) => {
      if (tried.has(at) || compare(patterns[pattern] ?? null, value).length > 0) return false
      tried.add(at)
      const other = takenBy.get(at)
      if (other !== undefined && !place(other, tried)) return false
      takenBy.set(at, pattern)
      return true
    })
  return patterns.every((_, pattern) => place(pattern, new Set()))
}

function isText(value: Json | undefined, pattern: string): value is string {
  return typeof value === 'string' && new RegExp(`^${pattern}$`).test(value)
}

/** A UUID of MessagePack: 16 bytes. */
function isBinaryUuid(value: Json): boolean {
  return isObject(value) && isText(value['$bin'], '[0-9a-f]{32}')
}

/** Lines for people: the place, what should be there and what is. */
export function describe(mismatches: readonly Mismatch[]): string[] {
  return mismatches.flatMap(({ path, expected, got }) => [
    `    at ${path === '' ? 'the whole' : path}`,
    `      - ${expected === undefined ? '(nothing)' : writeExact(expected)}`,
    `      + ${got === undefined ? '(nothing)' : writeExact(got)}`,
  ])
}
