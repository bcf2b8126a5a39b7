/** One direction of one connection: ordered, bounded, delayed; can stall, and can be cut in mid-flight. */
import type { Scheduler } from './scheduler.ts'

/** What the network is like at the moment. */
export interface Weather {
  minMs: number
  maxMs: number
  /** Bundles that a pipe holds before it says EAGAIN. */
  highWaterMark: number
  /** Share of publications that XPUB drops. */
  publishLoss: number
}

interface Item<T> {
  readonly content: T
  readonly at: number
}

export class Wire<T> {
  readonly #scheduler: Scheduler
  readonly #weather: Weather
  readonly #deliver: (content: T) => void
  /** There is room again, or nothing is on its way any more. */
  onRoom: () => void = () => undefined
  #items: Item<T>[] = []
  #lastAt = 0
  #isPlanned = false
  #isStalled = false
  #isCut = false

  constructor(scheduler: Scheduler, weather: Weather, deliver: (content: T) => void) {
    this.#scheduler = scheduler
    this.#weather = weather
    this.#deliver = deliver
  }

  get isFull(): boolean {
    return this.#items.length >= this.#weather.highWaterMark
  }

  carry(content: T): void {
    const { minMs, maxMs } = this.#weather
    const at = Math.max(this.#lastAt, this.#scheduler.now + this.#scheduler.between(minMs, maxMs))
    this.#lastAt = at
    this.#items.push({ content, at })
    this.#plan()
  }

  stall(): void {
    this.#isStalled = true
  }

  goOn(): void {
    this.#isStalled = false
    this.#plan()
  }

  /** A random first part of what is on its way still arrives; the rest is gone, and so is what follows. */
  cut(): void {
    if (this.#isCut) return
    this.#isCut = true
    const arriving = Math.floor(this.#scheduler.random() * (this.#items.length + 1))
    const items = this.#isStalled ? [] : this.#items.slice(0, arriving)
    this.#items = []
    for (const { content } of items) this.#deliver(content)
  }

  #plan(): void {
    const [first] = this.#items
    if (!first || this.#isPlanned || this.#isStalled || this.#isCut) return
    this.#isPlanned = true
    this.#scheduler.after(Math.max(0, first.at - this.#scheduler.now), () => {
      this.#isPlanned = false
      if (this.#isStalled || this.#isCut) return
      const item = this.#items.shift()
      if (item) this.#deliver(item.content)
      this.onRoom()
      this.#plan()
    })
  }
}
