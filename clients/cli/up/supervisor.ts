/**
 * Keeps a broker and a host running: starts them in order, restarts one that dies after a random and
 * growing delay, stops them in reverse order. Knows processes, not what they do.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { Environment } from '../../../protocol/endpoints.ts'
import { type BackoffLimits, backoffMs } from '../../../protocol/link/backoff.ts'
import type { PartName } from '../parts.ts'
import type { SupervisorEvent } from './events.ts'
import { PartProcess } from './part-process.ts'

export interface PartSpec {
  readonly part: PartName
  readonly flags: readonly string[]
  /** Environment of this part beside that of all; what no other process should see. */
  readonly env?: Environment
  /** The next part is started at once, and waits for this one by itself. */
  readonly mayOverlap?: boolean
}

export interface SupervisorOptions {
  readonly entry: string
  /** In the order of starting. */
  readonly parts: readonly PartSpec[]
  /** Environment of the parts; default: that of this process. */
  readonly env?: Environment
  readonly tell: (event: SupervisorEvent) => void
  readonly random?: () => number
  readonly limits?: Partial<SupervisorLimits>
}

export interface SupervisorLimits {
  readonly readyMs: number
  readonly graceMs: number
  /** A part that has lived so long is well again: its next restart is quick. */
  readonly wellMs: number
  readonly backoff: BackoffLimits
}

const LIMITS: SupervisorLimits = {
  readyMs: 30_000, // a broker may have a large journal to open
  graceMs: 20_000, // agents get time to end their turns
  wellMs: 30_000,
  backoff: { firstMs: 250, maxMs: 15_000 },
}

interface Slot extends PartSpec {
  process: PartProcess | undefined
  attempt: number
}

export class Supervisor {
  readonly #options: SupervisorOptions
  readonly #limits: SupervisorLimits
  readonly #slots: readonly Slot[]
  readonly #stopping = new AbortController()
  readonly #watches: Promise<void>[] = []
  #stopped: Promise<void> | undefined

  constructor(options: SupervisorOptions) {
    this.#options = options
    this.#limits = { ...LIMITS, ...options.limits }
    this.#slots = options.parts.map((spec) => ({ ...spec, process: undefined, attempt: 0 }))
  }

  /** Resolves when every part is usable. Rejects with PartFailed when the first start of one fails. */
  async start(): Promise<void> {
    const starts: Promise<void>[] = []
    for (const slot of this.#slots) {
      if (this.#stopping.signal.aborted) return
      const start = this.#begin(slot)
      starts.push(start)
      if (slot.mayOverlap)
        start.catch(() => undefined) // heard below
      else await Promise.race([start, failureOf(starts)])
    }
    await Promise.all(starts)
  }

  async #begin(slot: Slot): Promise<void> {
    const running = await this.#launch(slot)
    this.#watches.push(this.#watch(slot, running))
  }

  /** Stops the parts, the last one first, and waits for their ends. */
  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  async #stop(): Promise<void> {
    this.#stopping.abort()
    for (const slot of [...this.#slots].reverse()) await this.#stopSlot(slot)
    await Promise.all(this.#watches)
  }

  /** Ends everything at once. */
  kill(): void {
    this.#stopping.abort()
    for (const slot of this.#slots) slot.process?.kill()
  }

  async #launch(slot: Slot): Promise<PartProcess> {
    const { part, flags } = slot
    const { entry, tell } = this.#options
    const env = { ...(this.#options.env ?? process.env), ...slot.env }
    const startedAt = performance.now()
    tell({ type: 'starting', part })
    const said = (line: string) => tell({ type: 'said', part, line })
    const { readyMs } = this.#limits
    const launched = new PartProcess({ part, entry, flags, env, readyMs, said })
    slot.process = launched
    const info = await launched.ready()
    const elapsedMs = performance.now() - startedAt
    tell({ type: 'ready', part, pid: launched.pid, elapsedMs, info })
    return launched
  }

  /** Waits for the end of a part and starts it again, until everything stops. */
  async #watch(slot: Slot, first: PartProcess): Promise<void> {
    let running: PartProcess | undefined = first
    while (!this.#stopping.signal.aborted) {
      const startedAt = performance.now()
      const ended = await (running ?? slot.process)?.ended
      if (this.#stopping.signal.aborted) return
      if (performance.now() - startedAt > this.#limits.wellMs) slot.attempt = 0
      await this.#pause(slot, ended?.how ?? 'unknown')
      if (this.#stopping.signal.aborted) return
      running = await this.#launch(slot).catch(() => undefined)
    }
  }

  async #pause(slot: Slot, how: string): Promise<void> {
    const { random = Math.random, tell } = this.#options
    slot.attempt += 1
    const restartMs = backoffMs(slot.attempt, this.#limits.backoff, random)
    tell({ type: 'died', part: slot.part, how, restartMs })
    await delay(restartMs, undefined, { signal: this.#stopping.signal }).catch(() => undefined)
  }

  async #stopSlot(slot: Slot): Promise<void> {
    if (!slot.process) return
    this.#options.tell({ type: 'stopping', part: slot.part })
    const { how } = await slot.process.stop(this.#limits.graceMs)
    this.#options.tell({ type: 'stopped', part: slot.part, how })
  }
}

/** Rejects as the first of these does. */
function failureOf(starts: readonly Promise<void>[]): Promise<never> {
  return new Promise((_resolve, reject) => {
    for (const start of starts) start.catch(reject)
  })
}
