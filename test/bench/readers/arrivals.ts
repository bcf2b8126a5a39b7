/** Counts what arrives, and tells whoever waits for so much of it. */
import { machineNow } from '../load/clock.ts'
import { timeIn } from '../load/text.ts'

interface Waiting {
  readonly total: number
  readonly resolve: (at: number) => void
}

export class Arrivals {
  #count = 0
  #waiting: Waiting | undefined
  #latencies: number[] | undefined

  readonly arrived = (text: string): void => {
    this.#count += 1
    this.#latencies?.push(machineNow() - timeIn(text))
    if (this.#waiting === undefined || this.#count < this.#waiting.total) return
    this.#waiting.resolve(machineNow())
    this.#waiting = undefined
  }

  get count(): number {
    return this.#count
  }

  /** Resolves with the time at which so many have arrived in all, by the clock of the machine, ms. */
  until(total: number): Promise<number> {
    if (this.#count >= total) return Promise.resolve(machineNow())
    return new Promise((resolve) => {
      this.#waiting = { total, resolve }
    })
  }

  /** From now on remembers how long each message took. */
  watch(): void {
    this.#latencies = []
  }

  latencies(): readonly number[] {
    return this.#latencies ?? []
  }
}
