/**
 * Ctrl-C and SIGTERM. A command may take them; otherwise the first one ends the command in order
 * (its signal aborts) and the second one ends the process.
 */
import type { EventEmitter } from 'node:events'

export type InterruptName = 'SIGINT' | 'SIGTERM'
export type InterruptListener = (name: InterruptName) => void

const NAMES = ['SIGINT', 'SIGTERM'] as const

export class Interrupts {
  readonly #source: EventEmitter
  readonly #abort = new AbortController()
  readonly #listeners: InterruptListener[] = []
  readonly #giveUp: (name: InterruptName) => void
  readonly #handlers: ReadonlyMap<InterruptName, () => void>
  #last: InterruptName | undefined

  /** `giveUp` ends the process at once: the user has asked twice. */
  constructor(source: EventEmitter, giveUp: (name: InterruptName) => void) {
    this.#source = source
    this.#giveUp = giveUp
    this.#handlers = new Map(NAMES.map((name) => [name, () => this.press(name)]))
    for (const [name, handler] of this.#handlers) source.on(name, handler)
  }

  /** Aborted by an interrupt that nobody has taken. */
  get signal(): AbortSignal {
    return this.#abort.signal
  }

  /** The interrupt that ended the command. */
  get last(): InterruptName | undefined {
    return this.#last
  }

  /** From now on interrupts go to this listener, until it is disposed of. */
  take(listener: InterruptListener): Disposable {
    this.#listeners.push(listener)
    return {
      [Symbol.dispose]: () => {
        const index = this.#listeners.lastIndexOf(listener)
        if (index >= 0) this.#listeners.splice(index, 1)
      },
    }
  }

  /** An interrupt came: a signal, or Ctrl-C as a key in a raw terminal. */
  press(name: InterruptName): void {
    const listener = this.#listeners.at(-1)
    if (listener) listener(name)
    else this.leave(name)
  }

  /** Ends the command in order; called again, ends the process. */
  leave(name: InterruptName): void {
    if (this.#abort.signal.aborted) {
      this.#giveUp(name)
      return
    }
    this.#last = name
    this.#abort.abort()
  }

  /** Gives the signals back. */
  close(): void {
    for (const [name, handler] of this.#handlers) this.#source.off(name, handler)
  }
}
