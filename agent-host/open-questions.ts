/**
 * The questions of one CLI that wait for an answer, and the answers that it got: one that is given again,
 * because its confirmation was lost, is confirmed again and not given to the CLI twice. Pure.
 */
import type { ApprovalAnswer } from './backends/backend.ts'

export const QUESTION_LIMITS = {
  maxOpen: 64, // twice what the broker lets wait; more is a CLI that runs wild, and is denied here
  maxApplied: 256, // an answer is given again within moments: when the broker or the connection is back
} as const

export class OpenQuestions {
  readonly #give: (approval: string, answer: ApprovalAnswer) => boolean
  readonly #open = new Set<string>()
  /** The last ones; the oldest first. */
  readonly #applied = new Set<string>()

  /** `give` hands an answer to the CLI; false when it does not wait for it. */
  constructor(give: (approval: string, answer: ApprovalAnswer) => boolean) {
    this.#give = give
  }

  get open(): readonly string[] {
    return [...this.#open]
  }

  /** Takes note of a question. There may be too many: then it is denied, and what happened comes back. */
  ask(approval: string): string | undefined {
    const { maxOpen } = QUESTION_LIMITS
    if (this.#open.size < maxOpen) {
      this.#open.add(approval)
      return undefined
    }
    const message = `${maxOpen} questions wait for an answer already, so this one was denied`
    this.#give(approval, { decision: 'deny', message })
    return message
  }

  /** False when it was not open. */
  withdraw(approval: string): boolean {
    return this.#open.delete(approval)
  }

  /** Whether the CLI has this answer, now or since an earlier call. */
  answer(approval: string, answer: ApprovalAnswer): boolean {
    if (this.#applied.has(approval)) return true
    if (!this.#open.delete(approval) || !this.#give(approval, answer)) return false
    this.#applied.add(approval)
    const [oldest] = this.#applied
    if (oldest !== undefined && this.#applied.size > QUESTION_LIMITS.maxApplied) {
      this.#applied.delete(oldest)
    }
    return true
  }
}
