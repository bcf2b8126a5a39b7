/** Time and chance under the control of a test: a run is a function of its seed. */

/** Gives [0, 1); the same seed gives the same numbers (mulberry32). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

interface Task {
  readonly at: number
  readonly order: number
  readonly run: () => void
}

/** Runs tasks at their time, in the order in which they were planned; nothing ever waits. */
export class VirtualClock {
  #now = 0
  #planned = 0
  #tasks: Task[] = []

  get now(): number {
    return this.#now
  }

  after(ms: number, run: () => void): void {
    const task = { at: this.#now + ms, order: this.#planned, run }
    this.#planned += 1
    const index = this.#tasks.findIndex((other) => other.at > task.at)
    this.#tasks.splice(index < 0 ? this.#tasks.length : index, 0, task)
  }

  every(ms: number, run: () => void): void {
    this.after(ms, () => {
      run()
      this.every(ms, run)
    })
  }

  /** Lets this much time pass. */
  run(ms: number): void {
    const end = this.#now + ms
    for (;;) {
      const task = this.#tasks[0]
      if (!task || task.at > end) break
      this.#tasks.shift()
      this.#now = task.at
      task.run()
    }
    this.#now = end
  }
}
