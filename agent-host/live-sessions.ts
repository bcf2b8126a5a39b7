/** The sessions of this host: started under a lease, kept until their last chunk is acknowledged. */

import { ProtocolError } from '../protocol/errors.ts'
import type { LiveSession } from '../protocol/methods/host.ts'
import type { Params } from '../protocol/methods/index.ts'
import type { Backend, Detection } from './backends/backend.ts'
import { ChunkLog } from './chunk-log.ts'
import { type BufferLimits, HeldBytes } from './held-bytes.ts'
import type { Outflow } from './outflow.ts'
import type { Exit } from './process/child-process.ts'
import { type RunnerOptions, SessionRunner } from './session-runner.ts'

/** A stop is answered once `complete` is on the broker's disk, or after this, ms. */
export const DELIVERY_MS = 5000

/** A backend that was looked for on this machine. */
export interface Found {
  readonly backend: Backend
  readonly detection: Detection
}

interface Live {
  readonly runner: SessionRunner
  /** Resolves when the process is gone and everything it wrote is acknowledged. */
  readonly delivered: Promise<Exit>
  readonly settle: (exit: Exit) => void
  exit: Exit | undefined
  /** The broker was told that it lives, on a connection that came after the one that asked for it. */
  isReported: boolean
}

export type Lease = Pick<Params<'agent.interrupt'>, 'session' | 'epoch'>

/** What a session held when its child was read again, and the most that it and all of them ever held. */
export interface HeldNotice {
  readonly session: string
  readonly held_bytes: number
  readonly peak_bytes: number
  readonly all_bytes: number
  readonly all_peak_bytes: number
}

export interface LiveSessionsOptions {
  readonly outflow: Outflow
  readonly buffers: BufferLimits
  /** A child that was not read, because too much was held, is read again. */
  readonly onReadAgain: (notice: HeldNotice) => void
}

export class LiveSessions {
  readonly #options: LiveSessionsOptions
  readonly #outflow: Outflow
  readonly #held: HeldBytes
  readonly #live = new Map<string, Live>()

  constructor(options: LiveSessionsOptions) {
    this.#options = options
    this.#outflow = options.outflow
    this.#held = new HeldBytes(options.buffers.allBytes)
  }

  /** Throws AT_CAPACITY when that many live beside this one. */
  #requireRoom(session: string, slots: number): void {
    const others = this.#live.size - (this.#live.has(session) ? 1 : 0)
    if (others >= slots) throw new ProtocolError('AT_CAPACITY', { slots }, { where: 'host' })
  }

  /**
   * Starts a session. Throws START_FAILED, CANCELLED, AT_CAPACITY, or FENCED when an older life of it still
   * runs. Whoever asks may be wrong about how many there are: `slots` are the most that ever live here.
   */
  async start(
    options: RunnerOptions,
    { signal, slots }: { readonly signal: AbortSignal; readonly slots: number },
  ): Promise<SessionRunner> {
    const { session, epoch } = options
    this.#requireRoom(session, slots)
    // Again after each wait: meanwhile a newer lease may have begun, and others have come.
    for (let older = this.#live.get(session); older; older = this.#live.get(session)) {
      const current = older.runner.options.epoch
      if (current >= epoch) {
        throw new ProtocolError('FENCED', { session, epoch, current }, { where: 'host' })
      }
      await this.#fence(older)
      this.#requireRoom(session, slots)
    }
    const log = new ChunkLog(this.#options.buffers.sessionBytes, this.#held)
    const runner = new SessionRunner(options, log)
    const live = newLive(runner)
    this.#live.set(session, live)
    void runner.ended.then((exit) => this.#ended(live, exit))
    try {
      await runner.begin(signal)
    } catch (thrown) {
      // Its failure is the answer to the start, unless nobody waits for that any more.
      if (live.isReported) this.#deliver(live)
      else this.#forget(live)
      throw thrown
    }
    this.#deliver(live)
    return runner
  }

  /** Not before the start has succeeded: whoever asked tells the end of one that failed. */
  #deliver(live: Live): void {
    const { options, log } = live.runner
    const { session, epoch } = options
    if (this.#live.get(session) !== live) return
    this.#outflow.add({ session, epoch, log })
    options.onChunks()
  }

  /** The runner under this lease. Throws FENCED or AGENT_GONE. */
  leased({ session, epoch }: Lease): SessionRunner {
    const runner = this.#live.get(session)?.runner
    if (!runner)
      throw new ProtocolError('AGENT_GONE', { session, how: 'not here' }, { where: 'host' })
    const current = runner.options.epoch
    if (current === epoch) return runner
    throw new ProtocolError('FENCED', { session, epoch, current }, { where: 'host' })
  }

  /** Resolves when the session is gone and delivered. */
  delivered(session: string): Promise<Exit> | undefined {
    return this.#live.get(session)?.delivered
  }

  all(): SessionRunner[] {
    return [...this.#live.values()].map(({ runner }) => runner)
  }

  /** What lives here, for a broker that has just been found. */
  report(): LiveSession[] {
    return [...this.#live.values()].map((live) => {
      live.isReported = true
      const { options, log, highestTurn, pid, control } = live.runner
      const { session, epoch } = options
      return {
        session,
        epoch,
        produced: log.produced,
        turn: highestTurn,
        pid,
        paused: control.paused,
      }
    })
  }

  /** The lease is over: the process ends, and nothing more is told of it. */
  async revoke(session: string, epoch: number): Promise<void> {
    const live = this.#live.get(session)
    if (live?.runner.options.epoch === epoch) await this.#fence(live)
  }

  async #fence(live: Live): Promise<void> {
    this.#forget(live)
    await live.runner.kill()
  }

  /** Called when chunks were acknowledged: reads on, or lets go of what has ended and is delivered. */
  settle(session: string): void {
    const live = this.#live.get(session)
    if (!live) return
    this.#readOn(live)
    if (live.exit && live.runner.log.isEmpty) this.#forget(live)
    this.#relieve()
  }

  #readOn({ runner }: Live): void {
    const { log, options } = runner
    if (!runner.isPaused || !log.hasRoom) return
    runner.resume()
    this.#options.onReadAgain({
      session: options.session,
      held_bytes: log.bytes,
      peak_bytes: log.peakBytes,
      all_bytes: this.#held.bytes,
      all_peak_bytes: this.#held.peakBytes,
    })
  }

  /** All sessions together held too much, and no longer do: those that waited for that are read again. */
  #relieve(): void {
    if (!this.#held.takeRelief()) return
    for (const live of this.#live.values()) this.#readOn(live)
  }

  #ended(live: Live, exit: Exit): void {
    live.exit = exit
    this.settle(live.runner.options.session)
  }

  #forget(live: Live): void {
    const { session } = live.runner.options
    if (this.#live.get(session) !== live) return
    this.#live.delete(session)
    this.#outflow.remove(session)
    live.runner.log.discard()
    this.#relieve()
    live.settle(live.exit ?? { exitCode: null, signal: null })
  }
}

function newLive(runner: SessionRunner): Live {
  let settle: (exit: Exit) => void = () => {}
  const delivered = new Promise<Exit>((resolve) => {
    settle = resolve
  })
  return { runner, delivered, settle, exit: undefined, isReported: false }
}
