/** What a case remembers of its setup: `${NAME}` in what it sends and in what it expects. */
import { isArray, isObject, type Json, writeExact } from './exact-json.ts'

export type Values = ReadonlyMap<string, Json>

const REFERENCE = /\$\{([A-Za-z_][A-Za-z0-9_]*)\}/g
const WHOLE = /^\$\{([A-Za-z_][A-Za-z0-9_]*)\}$/

/** Puts the values in; one that stands alone keeps its type. Names without a value stay as they are. */
export function fill(json: Json, values: Values): Json {
  if (typeof json === 'string') return fillText(json, values)
  if (isArray(json)) return json.map((item) => fill(item, values))
  if (!isObject(json)) return json
  const members = Object.entries(json).map(([name, member]) => [name, fill(member, values)])
  return Object.fromEntries(members) as Json
}

function fillText(text: string, values: Values): Json {
  const whole = WHOLE.exec(text)?.[1]
  if (whole !== undefined) return values.get(whole) ?? text
  return text.replace(REFERENCE, (reference, name: string) => {
    const value = values.get(name)
    if (value === undefined) return reference
    return typeof value === 'string' ? value : writeExact(value)
  })
}

/** The names that it speaks of. */
export function namesIn(json: Json): ReadonlySet<string> {
  return new Set([...writeExact(json).matchAll(REFERENCE)].map(([, name]) => name ?? ''))
}

/** `result.agents.0.id`; undefined when there is no such place. */
export function atPath(json: Json, path: string): Json | undefined {
  let here: Json | undefined = json
  for (const step of path.split('.').filter((part) => part !== '')) {
    if (isArray(here)) here = here[Number(step)]
    else if (isObject(here) && Object.hasOwn(here, step)) here = here[step]
    else return undefined
  }
  return here
}
