/** What a driver tells of lines that it does not understand: in short, and each kind once. */
import type { BackendEvent } from './backend.ts'

/** A diagnostic has at most this many characters. */
export const DIAGNOSTIC_LENGTH = 200
/** Kinds that are told once each; further ones are not told at all. */
export const TOLD_KINDS = 50

export class Diagnostics {
  readonly #emit: (event: BackendEvent) => void
  readonly #told = new Set<string>()

  constructor(emit: (event: BackendEvent) => void) {
    this.#emit = emit
  }

  tell(message: string): void {
    this.#emit({ type: 'diagnostic', message: message.slice(0, DIAGNOSTIC_LENGTH) })
  }

  /** Tells the first of a kind; `detail` is added to it. */
  once(kind: string, detail?: string): void {
    if (this.#told.has(kind) || this.#told.size >= TOLD_KINDS) return
    this.#told.add(kind)
    this.tell(detail === undefined ? kind : `${kind}: ${detail}`)
  }
}
