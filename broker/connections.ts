/** The links of all connections, by the id that ROUTER made; bounded, swept, and drained by the socket. */
import { type Bundle, encodeBundle } from '../protocol/bundle.ts'
import { encode } from '../protocol/codec.ts'
import { ProtocolError } from '../protocol/errors.ts'
import {
  BrokerLink,
  type BrokerLinkEvent,
  type BrokerLinkOptions,
  type ConnectionEnd,
  type Identity,
  type Verdict,
} from '../protocol/link/broker-link.ts'
import type { HelloBody } from '../protocol/messages/handshake.ts'
import type { Head } from '../protocol/messages/index.ts'
import type { LinkEvidence } from './core/hosts.ts'

export interface ConnectionLimits {
  /** Connections at once, welcomed or not. */
  readonly maxConnections: number
  /** A connection that was cut off for malformed frames is ignored this long, ms. */
  readonly bannedForMs: number
}

export const CONNECTION_LIMITS: ConnectionLimits = {
  maxConnections: 4096, // about 5 KB each while idle
  bannedForMs: 60_000,
}

export interface ConnectionsOptions {
  readonly limits: ConnectionLimits
  readonly link: Omit<BrokerLinkOptions, 'onEvent' | 'onReady' | 'authenticate' | 'welcome'>
  /** Who is at the other end of this connection. */
  readonly authenticate: (connection: string, hello: HelloBody) => Verdict
  readonly welcome: (connection: string) => ReturnType<BrokerLinkOptions['welcome']>
  readonly onEvent: (connection: string, event: BrokerLinkEvent) => void
  /** This connection has something to send. */
  readonly onReady: (connection: string) => void
}

export interface Backlog {
  readonly messages: number
  readonly bytes: number
  readonly mostBytes: number
}

interface Entry {
  readonly link: BrokerLink
  /** When it ended, monotonic ms. */
  endedAt: number | undefined
}

export class Connections {
  readonly #options: ConnectionsOptions
  readonly #entries = new Map<string, Entry>()
  /** How many have ended so, since the start. */
  readonly #ends = new Map<ConnectionEnd, number>()
  #now = 0

  constructor(options: ConnectionsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#entries.size
  }

  get ends(): ReadonlyMap<ConnectionEnd, number> {
    return this.#ends
  }

  /** What waits to be sent, in all and for the peer that has most of it. */
  backlog(): Backlog {
    const backlog = { messages: 0, bytes: 0, mostBytes: 0 }
    for (const { link } of this.#entries.values()) {
      backlog.messages += link.backlogCount
      backlog.bytes += link.backlogBytes
      backlog.mostBytes = Math.max(backlog.mostBytes, link.backlogBytes)
    }
    return backlog
  }

  has(id: string): boolean {
    return this.#entries.has(id)
  }

  /** Returns a bundle to send at once when there is no room for another connection. */
  receive(id: string, frames: readonly Uint8Array[], now: number): Bundle | undefined {
    this.#now = now
    const entry = this.#entries.get(id) ?? this.#open(id, now)
    if (!entry) return this.#refusal()
    entry.link.receive(frames, now)
    return undefined
  }

  #open(id: string, now: number): Entry | undefined {
    if (this.#entries.size >= this.#options.limits.maxConnections) return undefined
    const { link: options, authenticate, welcome, onEvent, onReady } = this.#options
    const link = new BrokerLink(
      {
        ...options,
        authenticate: (hello) => authenticate(id, hello),
        welcome: () => welcome(id),
        onEvent: (event) => {
          if (event.type === 'ended') this.#ended(id, event.how)
          onEvent(id, event)
        },
        onReady: () => onReady(id),
      },
      now,
    )
    const entry: Entry = { link, endedAt: undefined }
    this.#entries.set(id, entry)
    return entry
  }

  #refusal(): Bundle {
    const { maxConnections } = this.#options.limits
    const error = new ProtocolError('OVERLOADED', { what: 'the broker', limit: maxConnections })
    return encodeBundle([{ head: { kind: 'ERROR', id: '' }, body: encode(error.toWire()) }])
  }

  #ended(id: string, how: ConnectionEnd): void {
    this.#ends.set(how, (this.#ends.get(how) ?? 0) + 1)
    const entry = this.#entries.get(id)
    if (entry) entry.endedAt = this.#now
  }

  /** The transport says that this peer is gone. */
  gone(id: string, now: number): void {
    this.#now = now
    this.#entries.get(id)?.link.disconnected()
    this.#entries.delete(id)
  }

  send(id: string, head: Head, body: Buffer): void {
    this.#entries.get(id)?.link.send(head, body)
  }

  ids(): Iterable<string> {
    return this.#entries.keys()
  }

  /** Who are welcome now. */
  *identities(): Generator<Identity> {
    for (const { link } of this.#entries.values()) {
      if (link.state.name === 'welcome') yield link.state.identity
    }
  }

  /** Ends those of whom this holds, with a coded reason; says how many. */
  cut(isMeant: (identity: Identity) => boolean, error: ProtocolError, now: number): number {
    this.#now = now
    const links = this.#meant(isMeant)
    for (const link of links) link.cut(error)
    return links.length
  }

  /** Those of whom this holds have to shake hands again; their ids. */
  greetAgain(isMeant: (identity: Identity) => boolean): string[] {
    const meant = [...this.#entries].filter(([, { link }]) => isWelcome(link, isMeant))
    for (const [, { link }] of meant) link.greetAgain()
    return meant.map(([id]) => id)
  }

  /** Sends to all of whom this holds. */
  tell(isMeant: (identity: Identity) => boolean, head: Head, body: Buffer): void {
    for (const link of this.#meant(isMeant)) link.send(head, body)
  }

  #meant(isMeant: (identity: Identity) => boolean): BrokerLink[] {
    const links = [...this.#entries.values()].map(({ link }) => link)
    return links.filter((link) => isWelcome(link, isMeant))
  }

  /** Says GOODBYE to everybody. */
  goodbye(error: ProtocolError): void {
    for (const { link } of this.#entries.values()) link.goodbye(error)
  }

  next(id: string): Bundle | undefined {
    return this.#entries.get(id)?.link.next()
  }

  evidence(id: string, now: number): LinkEvidence | undefined {
    const link = this.#entries.get(id)?.link
    return link && { silentMs: link.silentMs(now), evidence: link.evidence }
  }

  tick(now: number): void {
    this.#now = now
    for (const [id, entry] of this.#entries) {
      entry.link.tick(now)
      if (entry.endedAt !== undefined) this.#sweep(id, entry, now - entry.endedAt)
    }
  }

  /** A peer that only fell silent may come back at once; one that sent rubbish may not. */
  #sweep(id: string, { link }: Entry, endedForMs: number): void {
    const waitMs = link.isBanned ? this.#options.limits.bannedForMs : 0
    if (link.backlogCount === 0 && endedForMs >= waitMs) this.#entries.delete(id)
  }
}

function isWelcome({ state }: BrokerLink, isMeant: (identity: Identity) => boolean): boolean {
  return state.name === 'welcome' && isMeant(state.identity)
}
