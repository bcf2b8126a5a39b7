/** The tokens of a JSON text: white space, words, numbers, strings. Faults say where. */
import { FAULTS, JsonFault } from './fault.ts'
import { JsonFloat } from './value.ts'

const SPACE = /[ \n\t\r]*/y
const PLAIN = /[ !#-[\]-\uffff]*/y // all but quote, backslash and control characters
const DIGITS = /[0-9]*/y
const HEX = /[0-9a-fA-F]{4}/y

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

/** Characters of the longest number of 64 bits, with its sign. */
const MAX_WHOLE = 20
const U64_MAX = 18_446_744_073_709_551_615n
const I64_MIN = -9_223_372_036_854_775_808n

export class Scanner {
  readonly text: string
  index = 0

  constructor(text: string) {
    this.text = text
  }

  /** The next character that is no white space, which stays; undefined at the end. */
  peek(): string | undefined {
    this.#take(SPACE)
    return this.text[this.index]
  }

  eat(): void {
    this.index += 1
  }

  /** A fault at what has been read so far. */
  fault(reason: string): JsonFault {
    return new JsonFault(reason, this.index)
  }

  /** A fault at the character that comes next. */
  faultAhead(reason: string): JsonFault {
    return new JsonFault(reason, Math.min(this.text.length, this.index + 1))
  }

  /** The rest of `null`, `true` or `false`. */
  word(rest: string): void {
    for (const character of rest) {
      const next = this.text[this.index]
      if (next === undefined) throw this.fault(FAULTS.eofValue)
      this.eat()
      if (next !== character) throw this.fault(FAULTS.ident)
    }
  }

  number(): number | bigint | JsonFloat {
    const start = this.index
    if (this.text[this.index] === '-') this.eat()
    this.#whole()
    const isFloat = [this.#fraction(), this.#exponent()].includes(true)
    const text = this.text.slice(start, this.index)
    // What is longer is no 64 bits for sure, and may be no number of JavaScript either.
    return isFloat || text.length > MAX_WHOLE ? this.#float(text) : whole(text)
  }

  #whole(): void {
    const first = this.text[this.index]
    if (first === undefined) throw this.fault(FAULTS.eofValue)
    this.eat()
    if (!isDigit(first)) throw this.fault(FAULTS.number)
    if (first !== '0') this.#take(DIGITS)
    else if (isDigit(this.text[this.index])) throw this.faultAhead(FAULTS.number)
  }

  #fraction(): boolean {
    if (this.text[this.index] !== '.') return false
    this.eat()
    if (this.#take(DIGITS) !== '') return true
    throw this.faultAhead(this.index < this.text.length ? FAULTS.number : FAULTS.eofValue)
  }

  #exponent(): boolean {
    if (!/[eE]/.test(this.text[this.index] ?? '')) return false
    this.eat()
    if (/[+-]/.test(this.text[this.index] ?? '')) this.eat()
    if (this.#take(DIGITS) !== '') return true
    if (this.index >= this.text.length) throw this.fault(FAULTS.eofValue)
    this.eat()
    throw this.fault(FAULTS.number)
  }

  #float(text: string): JsonFloat {
    const value = Number(text)
    if (!Number.isFinite(value)) throw this.fault(FAULTS.range)
    return new JsonFloat(value)
  }

  /** A string from its opening quote on. */
  string(): string {
    this.eat()
    let content = ''
    for (;;) {
      content += this.#take(PLAIN)
      const next = this.text[this.index]
      if (next === undefined) throw this.fault(FAULTS.eofString)
      this.eat()
      if (next === '"') return content
      if (next !== '\\') throw this.fault(FAULTS.control)
      content += this.#escape()
    }
  }

  #escape(): string {
    const kind = this.text[this.index]
    if (kind === undefined) throw this.fault(FAULTS.eofString)
    this.eat()
    if (kind === 'u') return this.#unicode()
    const character = ESCAPES[kind]
    if (character === undefined) throw this.fault(FAULTS.escape)
    return character
  }

  #unicode(): string {
    const first = this.#hex()
    if (first >= 0xdc00 && first <= 0xdfff) throw this.fault(FAULTS.surrogate)
    if (first < 0xd800 || first > 0xdbff) return String.fromCharCode(first)
    if (this.text.slice(this.index, this.index + 2) !== '\\u') throw this.fault(FAULTS.hexEnd)
    this.index += 2
    const second = this.#hex()
    if (second < 0xdc00 || second > 0xdfff) throw this.fault(FAULTS.surrogate)
    return String.fromCharCode(first, second)
  }

  #hex(): number {
    const digits = this.#take(HEX)
    if (digits !== '') return Number.parseInt(digits, 16)
    throw this.fault(this.text.length - this.index < 4 ? FAULTS.eofString : FAULTS.escape)
  }

  #take(pattern: RegExp): string {
    pattern.lastIndex = this.index
    const found = pattern.exec(this.text)?.[0] ?? ''
    this.index += found.length
    return found
  }
}

function isDigit(character: string | undefined): boolean {
  return character !== undefined && character >= '0' && character <= '9'
}

function whole(text: string): number | bigint | JsonFloat {
  const value = Number(text)
  if (Object.is(value, -0)) return new JsonFloat(value)
  if (Number.isSafeInteger(value)) return value
  const exact = BigInt(text)
  return exact >= I64_MIN && exact <= U64_MAX ? exact : new JsonFloat(value)
}
