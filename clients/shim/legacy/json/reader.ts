/** Reads a JSON text value by value. Duplicate members: the last one wins, as in the old daemon's values. */
import { FAULTS, JsonFault } from './fault.ts'
import { Scanner } from './scanner.ts'
import type { JsonValue } from './value.ts'
import { describe } from './words.ts'

/** Nesting that is refused, as by the old parser. */
const MAX_DEPTH = 128
/** Values in one text: no request has so many, and ten million of them are a gigabyte and seconds of everybody's time. */
export const MAX_VALUES = 100_000

export class JsonReader {
  readonly scanner: Scanner
  #depth = 0
  #values = 0

  constructor(text: string) {
    this.scanner = new Scanner(text)
  }

  /** Any value. */
  value(): JsonValue {
    const { scanner } = this
    const next = scanner.peek()
    if (next === undefined) throw scanner.faultAhead(FAULTS.eofValue)
    if (next === '[') {
      const items: JsonValue[] = []
      this.list(() => items.push(this.value()))
      return items
    }
    if (next === '{') {
      const members = new Map<string, JsonValue>()
      this.object((key) => {
        this.colon()
        members.set(key, this.value())
      })
      return members
    }
    return this.#scalar(next)
  }

  #scalar(next: string): JsonValue {
    const { scanner } = this
    this.#count()
    if (next === '"') return scanner.string()
    if (next === '-' || (next >= '0' && next <= '9')) return scanner.number()
    if (next !== 'n' && next !== 't' && next !== 'f') throw scanner.faultAhead(FAULTS.value)
    scanner.eat()
    if (next === 'n') scanner.word('ull')
    else if (next === 't') scanner.word('rue')
    else scanner.word('alse')
    return next === 'n' ? null : next === 't'
  }

  string(): string {
    const next = this.scanner.peek()
    return next === '"' ? this.scanner.string() : this.refuse('a string')
  }

  /** Throws what is to be said when something else was expected here. */
  refuse(expected: string): never {
    const { scanner } = this
    const next = scanner.peek()
    if (next === undefined) throw scanner.faultAhead(FAULTS.eofValue)
    // Of a list or an object nothing is read: what it is, is clear.
    const what = next === '[' ? 'sequence' : next === '{' ? 'map' : describe(this.#scalar(next))
    throw scanner.fault(`invalid type: ${what}, expected ${expected}`)
  }

  /** A list from its bracket on; `item` reads one item. */
  list(item: (index: number) => void): void {
    this.#nested(() => {
      const visit = (): void => {
        for (let index = 0; this.#hasItem(index); index += 1) item(index)
      }
      this.#ended(visit, () => this.listEnd())
    })
  }

  /** A list of which `take` reads the items that it wants; more are too many. */
  fixedList(take: (hasNext: () => boolean) => void): void {
    this.#nested(() => {
      let index = -1
      const hasNext = (): boolean => {
        index += 1
        return this.#hasItem(index)
      }
      this.#ended(
        () => take(hasNext),
        () => this.listEnd(),
      )
    })
  }

  #hasItem(index: number): boolean {
    const { scanner } = this
    const next = scanner.peek()
    if (next === undefined) throw scanner.faultAhead(FAULTS.eofList)
    if (next === ']') return false
    if (index === 0) return true
    if (next !== ',') throw scanner.faultAhead(FAULTS.listEnd)
    scanner.eat()
    const after = scanner.peek()
    if (after === ']') throw scanner.faultAhead(FAULTS.comma)
    if (after === undefined) throw scanner.faultAhead(FAULTS.eofValue)
    return true
  }

  listEnd(): void {
    const { scanner } = this
    const next = scanner.peek()
    if (next === undefined) throw scanner.faultAhead(FAULTS.eofList)
    if (next === ',') {
      scanner.eat()
      throw scanner.faultAhead(scanner.peek() === ']' ? FAULTS.comma : FAULTS.trailing)
    }
    if (next !== ']') throw scanner.faultAhead(FAULTS.trailing)
    scanner.eat()
  }

  /** An object from its brace on; `member` reads the colon and the value of one, `check` is last. */
  object(member: (key: string) => void, check: () => void = () => undefined): void {
    this.#nested(() => {
      const visit = (): void => {
        for (let index = 0; this.#hasMember(index); index += 1) {
          member(this.scanner.string())
        }
        check()
      }
      this.#ended(visit, () => this.#objectEnd())
    })
  }

  /** The colon after a key. */
  colon(): void {
    const { scanner } = this
    const next = scanner.peek()
    if (next === undefined) throw scanner.faultAhead(FAULTS.eofObject)
    if (next !== ':') throw scanner.faultAhead(FAULTS.colon)
    scanner.eat()
  }

  #hasMember(index: number): boolean {
    const { scanner } = this
    const next = scanner.peek()
    if (next === undefined) throw scanner.faultAhead(FAULTS.eofObject)
    if (next === '}') return false
    if (index > 0) {
      if (next !== ',') throw scanner.faultAhead(FAULTS.objectEnd)
      scanner.eat()
    }
    const key = scanner.peek()
    if (key === '"') return true
    if (key === undefined) throw scanner.faultAhead(FAULTS.eofValue)
    throw scanner.faultAhead(key === '}' ? FAULTS.comma : FAULTS.key)
  }

  #objectEnd(): void {
    const { scanner } = this
    const next = scanner.peek()
    if (next === undefined) throw scanner.faultAhead(FAULTS.eofObject)
    if (next === ',') throw scanner.faultAhead(FAULTS.comma)
    if (next !== '}') throw scanner.faultAhead(FAULTS.trailing)
    scanner.eat()
  }

  /** Nothing but white space may follow. */
  end(): void {
    if (this.scanner.peek() !== undefined) throw this.scanner.faultAhead(FAULTS.trailing)
  }

  #count(): void {
    this.#values += 1
    if (this.#values > MAX_VALUES) throw this.scanner.faultAhead(FAULTS.values)
  }

  #nested(visit: () => void): void {
    this.#count()
    this.#depth += 1
    if (this.#depth >= MAX_DEPTH) throw this.scanner.faultAhead(FAULTS.recursion)
    this.scanner.eat()
    visit()
    this.#depth -= 1
  }

  /** A fault without a place gets that after the end of what it is about. */
  #ended(visit: () => void, end: () => void): void {
    try {
      visit()
    } catch (fault) {
      if (fault instanceof JsonFault && fault.offset === undefined) {
        silently(end)
        fault.offset = this.scanner.index
      }
      throw fault
    }
    end()
  }
}

function silently(run: () => void): void {
  try {
    run()
  } catch {
    // the first fault is the one to tell
  }
}
