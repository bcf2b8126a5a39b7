/** JSON that keeps how a number was written: to serde `0.0` is no integer, and ids may pass 2^53. */

/** A number that JavaScript would write in another way. */
export class ExactNumber {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }

  toJSON(): number {
    return Number(this.text)
  }
}

export type Json = null | boolean | number | string | ExactNumber | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [member: string]: Json
}

/** A string, or a number outside of one. */
const TOKEN = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g

/** No text of a vector has such a member. */
const MARK = '\u0001number'

/** Throws SyntaxError. */
export function parseExact(text: string): Json {
  JSON.parse(text) // what follows would also take what is no JSON, such as `01`
  const marked = text.replace(TOKEN, (token) => {
    if (token.startsWith('"') || String(Number(token)) === token) return token
    return `{${JSON.stringify(MARK)}:"${token}"}`
  })
  return JSON.parse(marked, (_, value: Json) => {
    if (!isObject(value)) return value
    const number = value[MARK]
    return typeof number === 'string' ? new ExactNumber(number) : value
  }) as Json
}

export function writeExact(value: Json): string {
  if (value instanceof ExactNumber) return value.text
  if (isArray(value)) return `[${value.map(writeExact).join(',')}]`
  if (!isObject(value)) return JSON.stringify(value)
  const members = Object.entries(value).map(
    ([name, member]) => `${JSON.stringify(name)}:${writeExact(member)}`,
  )
  return `{${members.join(',')}}`
}

export function isArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value)
}

export function isObject(value: Json | undefined): value is JsonObject {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof ExactNumber)
  )
}

export function isNumber(value: Json | undefined): value is number | ExactNumber {
  return typeof value === 'number' || value instanceof ExactNumber
}

/** Whether it is written as an integer. */
export function isInteger(value: Json | undefined): boolean {
  return isNumber(value) && /^-?\d+$/.test(writeExact(value))
}

export function sameNumber(a: number | ExactNumber, b: number | ExactNumber): boolean {
  if (isInteger(a) && isInteger(b)) return BigInt(writeExact(a)) === BigInt(writeExact(b))
  return Number(writeExact(a)) === Number(writeExact(b))
}
