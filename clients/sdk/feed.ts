/**
 * The live subscription of one session, shared by all its readers in this client (two tickets for one
 * topic on one pipe would be one subscription in the broker, and giving up one would end both).
 * Pure but for its ports: it opens, proves, watches and reopens the subscription as the clock is told.
 */

import { ProtocolError } from '../../protocol/errors.ts'
import { type BackoffLimits, backoffMs } from '../../protocol/link/backoff.ts'
import { SDK_LIMITS, STREAM_RETRY } from './limits.ts'
import type { RawChunk } from './reader.ts'

export interface FeedListener {
  chunk(chunk: RawChunk): void
  head(seq: number): void
  /** The last sequence that was taken from this reader; absent in one that only keeps the feed warm. */
  position?(): number
  /** The stream cannot be followed, and trying again would not help. */
  failed(error: ProtocolError): void
}

export interface Ticket {
  readonly ticket: string
  readonly topic: string
  readonly head: number
}

export interface FeedPorts {
  /** `stream.open`, for a reader that will take `from` first. */
  open(session: string, from: number, signal: AbortSignal): Promise<Ticket>
  /** `stream.close`; nobody waits for its end. */
  release(ticket: string): void
  /** The highest sequence, by way of `stream.read`. */
  pollHead(session: string, after: number, signal: AbortSignal): Promise<number>
  subscribe(ticket: Ticket, feed: Feed): void
  unsubscribe(ticket: Ticket): void
  now(): number
  /** Gives [0, 1). */
  random(): number
}

type FeedState =
  | { readonly name: 'opening'; readonly abort: AbortController }
  /** Subscribed; the first message on the topic will prove that it took effect. */
  | { readonly name: 'unproven'; readonly ticket: Ticket; readonly since: number }
  | { readonly name: 'live'; readonly ticket: Ticket; heardAt: number }
  | { readonly name: 'backing-off'; readonly until: number }
  | { readonly name: 'closed' }

/** How far the slowest reader of a ticket has come. */
export interface Progress {
  readonly ticket: string
  readonly position: number
}

/** May the same thing succeed later? */
export function isPassing(error: ProtocolError): boolean {
  return error.retryable || error.code === 'DEADLINE_EXCEEDED'
}

export class Feed {
  readonly session: string
  readonly #ports: FeedPorts
  readonly #listeners = new Set<FeedListener>()
  #state: FeedState = { name: 'closed' }
  #head = 0
  #attempts = 0
  #pollAt = 0
  #polling: AbortController | undefined
  /** What the broker was last told. */
  #told: Progress | undefined

  constructor(session: string, ports: FeedPorts) {
    this.session = session
    this.#ports = ports
  }

  get isLive(): boolean {
    return this.#state.name === 'live'
  }

  /** The ticket of its subscription. */
  get ticket(): string | undefined {
    const state = this.#state
    return 'ticket' in state ? state.ticket.ticket : undefined
  }

  get isUnused(): boolean {
    return this.#listeners.size === 0
  }

  join(listener: FeedListener): void {
    this.#listeners.add(listener)
    listener.head(this.#head)
    if (this.#state.name === 'closed') this.reopen()
  }

  leave(listener: FeedListener): void {
    this.#listeners.delete(listener)
    if (this.isUnused) this.close()
  }

  /** Starts over with a new ticket; readers go on from where they are. */
  reopen(): void {
    const now = this.#ports.now()
    // While it is not live the first time, or again, give it feedLiveMs before polling starts.
    if (this.#state.name === 'live' || this.#state.name === 'closed') {
      this.#pollAt = now + SDK_LIMITS.feedLiveMs
    }
    this.#drop()
    const abort = new AbortController()
    this.#state = { name: 'opening', abort }
    this.#ports.open(this.session, this.#position() + 1, abort.signal).then(
      (ticket) => this.#opened(ticket, abort.signal),
      (thrown: unknown) => this.#failed(thrown, abort.signal),
    )
  }

  /** What the broker does not know yet; asking for it counts as telling it. */
  progress(): Progress | undefined {
    if (this.#state.name !== 'live' && this.#state.name !== 'unproven') return undefined
    const { ticket } = this.#state.ticket
    const position = this.#position()
    if (this.#told?.ticket === ticket && this.#told.position === position) return undefined
    this.#told = { ticket, position }
    return this.#told
  }

  /** The broker was not told after all. */
  untold(progress: Progress): void {
    if (this.#told === progress) this.#told = undefined
  }

  /** Of the slowest reader: all of them share one ticket. Without any, nobody is behind. */
  #position(): number {
    let slowest: number | undefined
    for (const listener of this.#listeners) {
      const position = listener.position?.()
      if (position !== undefined) slowest = Math.min(position, slowest ?? position)
    }
    return slowest ?? this.#head
  }

  close(): void {
    this.#drop()
    this.#polling?.abort()
    this.#state = { name: 'closed' }
  }

  /** Ends the feed and tells its readers why. */
  fail(error: ProtocolError): void {
    this.close()
    for (const listener of this.#listeners) listener.failed(error)
  }

  chunk(chunk: RawChunk): void {
    this.#heard(chunk.seq)
    for (const listener of this.#listeners) listener.chunk(chunk)
  }

  head(seq: number): void {
    this.#heard(seq)
    this.#tellHead()
  }

  /**
   * The connection of the subscription is gone, and with it a ticket that had taken effect. One that has not
   * may still, on the next connection; so a place that breaks each connection is not asked over and over.
   */
  broken(): void {
    if (this.#state.name === 'live') this.reopen()
  }

  tick(now: number): void {
    const state = this.#state
    if (state.name === 'backing-off' && now >= state.until) this.reopen()
    else if (state.name === 'unproven' && now - state.since >= SDK_LIMITS.feedLiveMs) this.reopen()
    else if (state.name === 'live' && now - state.heardAt >= SDK_LIMITS.feedSilentMs) this.reopen()
    if (state.name !== 'live' && state.name !== 'closed' && now >= this.#pollAt) this.#poll(now)
  }

  #opened(ticket: Ticket, signal: AbortSignal): void {
    if (signal.aborted) {
      this.#ports.release(ticket.ticket)
      return
    }
    this.#state = { name: 'unproven', ticket, since: this.#ports.now() }
    this.#ports.subscribe(ticket, this)
    this.#head = Math.max(this.#head, ticket.head)
    this.#tellHead() // readers need not wait for the proof to read what is in the journal
  }

  #failed(thrown: unknown, signal: AbortSignal): void {
    if (signal.aborted) return
    const error = ProtocolError.from(thrown, 'client')
    if (!isPassing(error)) {
      this.fail(error)
      return
    }
    this.#attempts += 1
    const delay = retryDelay(this.#attempts, STREAM_RETRY, () => this.#ports.random())
    this.#state = { name: 'backing-off', until: this.#ports.now() + delay }
  }

  /** Anything on the topic proves the subscription; were it a late word of an older one, silence follows. */
  #heard(seq: number): void {
    this.#head = Math.max(this.#head, seq)
    const heardAt = this.#ports.now()
    if (this.#state.name === 'live') this.#state.heardAt = heardAt
    else if (this.#state.name === 'unproven') {
      this.#attempts = 0
      this.#state = { name: 'live', ticket: this.#state.ticket, heardAt }
    }
  }

  #poll(now: number): void {
    this.#pollAt = now + SDK_LIMITS.pollMs
    if (this.#polling) return
    const polling = new AbortController()
    this.#polling = polling
    this.#ports
      .pollHead(this.session, this.#head, polling.signal)
      .then((head) => this.#polled(head, polling.signal))
      .catch(() => undefined) // opening tells what is wrong
      .finally(() => {
        this.#polling = undefined
      })
  }

  #polled(head: number, signal: AbortSignal): void {
    if (signal.aborted) return
    this.#head = Math.max(this.#head, head)
    this.#tellHead()
  }

  #tellHead(): void {
    for (const listener of this.#listeners) listener.head(this.#head)
  }

  #drop(): void {
    const state = this.#state
    if (state.name === 'opening') state.abort.abort()
    if (state.name !== 'unproven' && state.name !== 'live') return
    this.#ports.unsubscribe(state.ticket)
    // Unsubscribing gives back a ticket that took effect; whether this one did is not known.
    if (state.name === 'unproven') this.#ports.release(state.ticket.ticket)
  }
}

/** At least half of the first delay, so that a hopeless open does not become a busy loop. */
export function retryDelay(attempt: number, limits: BackoffLimits, random: () => number): number {
  return limits.firstMs / 2 + backoffMs(attempt, limits, random)
}
