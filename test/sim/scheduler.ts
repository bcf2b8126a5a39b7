/** Virtual time and chance for a whole simulated system: one seed, one order of events, one trace. */
import { createHash } from 'node:crypto'
import { seededRandom } from '../support/virtual-clock.ts'

interface Task {
  readonly at: number
  readonly order: number
  run: (() => void) | undefined
}

/** Last events that a failure shows. */
const KEPT_EVENTS = 50

export class Scheduler {
  readonly random: () => number
  readonly #hash = createHash('sha256')
  readonly #recent: string[] = []
  readonly #heap: Task[] = []
  #now = 0
  #planned = 0
  #steps = 0

  constructor(seed: number) {
    this.random = seededRandom(seed)
  }

  get now(): number {
    return this.#now
  }

  get steps(): number {
    return this.#steps
  }

  /** The last events, oldest first. */
  get recent(): readonly string[] {
    return this.#recent
  }

  /** Same seed, same hash: everything that was ever traced is in it. */
  get traceHash(): string {
    return this.#hash.copy().digest('hex')
  }

  trace(event: string): void {
    const line = `${this.#now.toFixed(3)} ${event}`
    this.#hash.update(line)
    this.#recent.push(line)
    if (this.#recent.length > KEPT_EVENTS) this.#recent.shift()
  }

  /** Runs `run` once after `ms`; the returned function calls it off. */
  after(ms: number, run: () => void): () => void {
    const task: Task = { at: this.#now + ms, order: this.#planned, run }
    this.#planned += 1
    this.#push(task)
    return () => {
      task.run = undefined
    }
  }

  between(low: number, high: number): number {
    return low + this.random() * (high - low)
  }

  chance(share: number): boolean {
    return this.random() < share
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items[Math.floor(this.random() * items.length)]
  }

  bytes(size: number): Buffer {
    return Buffer.from(Array.from({ length: size }, () => Math.floor(this.random() * 256)))
  }

  /** Runs one event and all that follows from it at once; false when nothing is planned. */
  async step(): Promise<boolean> {
    const task = this.#pop()
    if (!task) return false
    if (!task.run) return true
    this.#now = task.at
    this.#steps += 1
    task.run()
    await new Promise(setImmediate) // every promise that can settle now has settled after this
    return true
  }

  #push(task: Task): void {
    const heap = this.#heap
    let at = heap.push(task) - 1
    while (at > 0) {
      const up = (at - 1) >> 1
      const parent = heap[up]
      if (!parent || isBefore(parent, task)) break
      heap[at] = parent
      at = up
    }
    heap[at] = task
  }

  #pop(): Task | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (!last || heap.length === 0) return first
    let at = 0
    for (;;) {
      const child = this.#smallerChild(at)
      const task = heap[child]
      if (!task || isBefore(last, task)) break
      heap[at] = task
      at = child
    }
    heap[at] = last
    return first
  }

  #smallerChild(at: number): number {
    const left = this.#heap[2 * at + 1]
    const right = this.#heap[2 * at + 2]
    return left && right && isBefore(right, left) ? 2 * at + 2 : 2 * at + 1
  }
}

function isBefore(a: Task, b: Task): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

/** One process: what it has planned does not happen once it was killed. */
export class Life {
  readonly name: string
  readonly #scheduler: Scheduler
  #isOver = false
  readonly #onEnd: (() => void)[] = []

  constructor(name: string, scheduler: Scheduler) {
    this.name = name
    this.#scheduler = scheduler
  }

  get isOver(): boolean {
    return this.#isOver
  }

  readonly now = (): number => this.#scheduler.now

  readonly after = (ms: number, run: () => void): (() => void) =>
    this.#scheduler.after(ms, () => {
      if (!this.#isOver) run()
    })

  readonly every = (ms: number, run: () => void): (() => void) => {
    let callOff: () => void = () => undefined
    const again = (): void => {
      callOff = this.after(ms, again)
      run()
    }
    callOff = this.after(ms, again)
    return () => callOff()
  }

  onEnd(run: () => void): void {
    this.#onEnd.push(run)
  }

  /** `kill -9`. */
  kill(): void {
    if (this.#isOver) return
    this.#isOver = true
    for (const run of this.#onEnd) run()
  }
}
