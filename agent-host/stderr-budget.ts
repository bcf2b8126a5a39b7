/**
 * How much of a child's stderr becomes chunks in one session; beyond it only the ring keeps it. A child
 * that is not read any more, because its log is full, is still free to write there. Pure.
 */

export const STDERR_BUDGET = { lines: 1000, characters: 1024 * 1024 } as const

export class StderrBudget {
  #lines: number = STDERR_BUDGET.lines
  #characters: number = STDERR_BUDGET.characters
  #isSpent = false

  /** What to tell of this line: the line, once that the rest is left out, then nothing. */
  take(line: string): string | undefined {
    if (this.#isSpent) return undefined
    this.#lines -= 1
    this.#characters -= line.length
    if (this.#lines >= 0 && this.#characters >= 0) return line
    this.#isSpent = true
    const { lines, characters } = STDERR_BUDGET
    return `more than ${lines} lines or ${characters} characters on standard error; the rest is left out`
  }
}
