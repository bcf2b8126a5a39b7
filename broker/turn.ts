/**
 * How long a receive loop may go on before everybody else on the event loop has a turn: zeromq.js hands over
 * messages that are there already without one, 512 in a row. Pure: the loop measures its work.
 */

export interface TurnLimits {
  /** Frames of messages in one turn: to take them costs time as well, before the loop sees them. */
  readonly frames: number
  /** Work in one turn, ms; the message that passes it is still finished. */
  readonly workMs: number
}

export const TURN_LIMITS: TurnLimits = {
  frames: 192, // 64 bundles, each with its connection
  workMs: 2, // a full bundle of calls takes more, and is a turn of its own
}

export class Turn {
  readonly #limits: TurnLimits
  #frames = 0
  #workMs = 0

  constructor(limits: TurnLimits = TURN_LIMITS) {
    this.#limits = limits
  }

  /** A message of so many frames was dealt with, which took this long. True when others have their turn now. */
  isOver(frames: number, workMs: number): boolean {
    this.#frames += frames
    this.#workMs += workMs
    if (this.#frames < this.#limits.frames && this.#workMs < this.#limits.workMs) return false
    this.#frames = 0
    this.#workMs = 0
    return true
  }
}
