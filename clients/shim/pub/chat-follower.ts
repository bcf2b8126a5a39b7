/** Publishes one chat to those who listen, from where it was left, for as long as it is told to. */
import type { SessionInfo, StreamItem } from '../../sdk/index.ts'
import { ProtocolError } from '../../sdk/index.ts'
import { legacyChunk, legacyFrame } from './legacy-chunk.ts'
import { PUB_LIMITS } from './limits.ts'
import { Patience } from './patience.ts'

export interface FollowerPorts {
  /** What the session is now. */
  look(session: string, signal: AbortSignal): Promise<Pick<SessionInfo, 'status' | 'head'>>
  follow(session: string, from: number, signal: AbortSignal): AsyncIterable<StreamItem>
  /** Last sequence that was published; 0 = none. */
  position(session: string): number
  published(session: string, seq: number): void
  isHeard(session: string): boolean
  /** False when one who listens is full, and then nobody got it. */
  trySend(frame: string): Promise<boolean>
  /** Sends it to those who have room. */
  sendToSome(frame: string): Promise<void>
  /** Somebody was full for too long and does not get this. */
  dropped(session: string): void
  /** Tried again after a while. */
  trouble(session: string, error: ProtocolError): void
  now(): number
  pause(ms: number, signal: AbortSignal): Promise<void>
}

/**
 * `over`: nothing comes any more, unless it is recovered; `gone`: there is no such session; `closed`: there is
 * no connection to the broker any more.
 */
export type FollowerEnd = 'stopped' | 'over' | 'gone' | 'closed'

const OVER: ReadonlySet<string> = new Set(['ended', 'failed'])

export class ChatFollower {
  readonly #session: string
  readonly #ports: FollowerPorts
  readonly #stop = new AbortController()
  readonly #patience: Patience

  constructor(session: string, ports: FollowerPorts) {
    this.#session = session
    this.#ports = ports
    const { patienceMs, patienceRefill } = PUB_LIMITS
    this.#patience = new Patience(patienceMs, patienceRefill, ports.now())
  }

  /** Ends `run` soon. What was not published stays for the next follower. */
  stop(): void {
    this.#stop.abort()
  }

  async run(): Promise<FollowerEnd> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      try {
        const { status, head } = await this.#ports.look(this.#session, signal)
        const isOver = OVER.has(status)
        if (isOver && this.#ports.position(this.#session) >= head) return 'over'
        await this.#publish(isOver ? head : undefined)
      } catch (thrown) {
        const error = ProtocolError.from(thrown, 'client')
        if (signal.aborted) break
        if (error.code === 'CONNECTION_CLOSED') return 'closed'
        if (error.code === 'NO_SUCH_SESSION') return 'gone'
        this.#ports.trouble(this.#session, error)
        await this.#ports.pause(PUB_LIMITS.troubleMs, signal).catch(() => undefined)
      }
    }
    return 'stopped'
  }

  /** Up to the end of a process, to `last`, or until stopped. */
  async #publish(last: number | undefined): Promise<void> {
    const { signal } = this.#stop
    const from = this.#ports.position(this.#session) + 1
    for await (const item of this.#ports.follow(this.#session, from, signal)) {
      const seq = item.type === 'gap' ? item.to : item.seq
      if (!(await this.#deliver(item, seq))) return
      if (isEnd(item) || (last !== undefined && seq >= last)) return
    }
  }

  /** False when nobody was there to get it. */
  async #deliver(item: StreamItem, seq: number): Promise<boolean> {
    const chunk = legacyChunk(item)
    if (chunk) {
      await this.#send(legacyFrame(this.#session, chunk, seq))
      // Nobody listens any more: it was sent to nobody.
      if (this.#stop.signal.aborted || !this.#ports.isHeard(this.#session)) return false
    }
    this.#ports.published(this.#session, seq)
    return true
  }

  async #send(frame: string): Promise<void> {
    while (!(await this.#ports.trySend(frame))) {
      if (!this.#patience.spend(PUB_LIMITS.retryMs, this.#ports.now())) {
        this.#ports.dropped(this.#session)
        return this.#ports.sendToSome(frame)
      }
      await this.#ports.pause(PUB_LIMITS.retryMs, this.#stop.signal)
    }
  }
}

/** The process is gone; whether more follows, the session knows. */
function isEnd(item: StreamItem): boolean {
  return item.type === 'complete' || (item.type === 'status' && OVER.has(item.status))
}
