/** How a part ended, with the last it said; an error when nobody had asked it to end. */
import type { PartName } from '../parts.ts'

export class PartFailed extends Error {
  override readonly name = 'PartFailed'
  readonly part: PartName
  readonly how: string
  /** Null when a signal ended it. */
  readonly exitCode: number | null
  /** Last lines of its stderr. */
  readonly tail: readonly string[]

  constructor(part: PartName, how: string, exitCode: number | null, tail: readonly string[]) {
    super(`the ${part} did not start: ${how}`)
    this.part = part
    this.how = how
    this.exitCode = exitCode
    this.tail = tail
  }
}
