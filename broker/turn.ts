/**
 * How long a receive loop may go on before everybody else on the event loop has a turn: zeromq.js hands over
 * messages that are there already without one, 512 in a row. Pure: the loop measures its work.
 */

export interface TurnLimits {
  /** Messages of ZeroMQ in one turn. */
  readonly messages: number
  /** Work in one turn, ms; the message that passes it is still finished. */
  readonly workMs: number
}

export const TURN_LIMITS: TurnLimits = {
  messages: 64,
  workMs: 2, // a full bundle of calls takes more, and is a turn of its own
}

export class Turn {
  readonly #limits: TurnLimits
  #messages = 0
  #workMs = 0

  constructor(limits: TurnLimits = TURN_LIMITS) {
    this.#limits = limits
  }

  /** A message was dealt with, which took this long. True when others have their turn now. */
  isOver(workMs: number): boolean {
    this.#messages += 1
    this.#workMs += workMs
    if (this.#messages < this.#limits.messages && this.#workMs < this.#limits.workMs) return false
    this.#messages = 0
    this.#workMs = 0
    return true
  }
}
