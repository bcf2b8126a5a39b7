/**
 * The turns of one session: one runs, the others wait. "Prompt while busy" means something else for every
 * CLI (queue, steer, cancel, merge), so the host queues and the CLI never sees it. Pure.
 */

import { ProtocolError } from '../protocol/errors.ts'

/** Turns of one session that may wait here: four times what a broker lets anybody ask for. */
export const MAX_WAITING_TURNS = 256

export interface Turn {
  readonly turn: number
  readonly text: string
}

export class TurnQueue {
  #waiting: Turn[] = []
  #current: Turn | undefined
  #highest: number

  /** Turns up to `highest` were given out in an earlier life of the session. */
  constructor(highest: number) {
    this.#highest = highest
  }

  get current(): number {
    return this.#current?.turn ?? 0
  }

  /** Highest turn taken. */
  get highest(): number {
    return this.#highest
  }

  /** False for a turn that was taken before. Throws OVERLOADED. */
  add(turn: Turn): boolean {
    if (turn.turn <= this.#highest) return false
    if (this.#waiting.length >= MAX_WAITING_TURNS) {
      const details = { what: 'the queue of turns of this session', limit: MAX_WAITING_TURNS }
      throw new ProtocolError('OVERLOADED', details, { where: 'host' })
    }
    this.#highest = turn.turn
    this.#waiting.push(turn)
    return true
  }

  /** Begins the next turn when none runs. */
  begin(): Turn | undefined {
    if (this.#current) return undefined
    this.#current = this.#waiting.shift()
    return this.#current
  }

  /** The running turn has ended; its number, 0 when none ran. */
  end(): number {
    const turn = this.current
    this.#current = undefined
    return turn
  }

  /** Gives up everything that waits. */
  abandon(): Turn[] {
    const waiting = this.#waiting
    this.#waiting = []
    return waiting
  }
}
