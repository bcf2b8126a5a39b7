/**
 * The links of all connections, by the id that ROUTER made; bounded for each side and each principal, swept,
 * and drained by the socket. The network has tables of its own, so that it keeps no user of this machine out.
 */
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
import type { ConnectionLimits } from './connection-limits.ts'
import type { LinkEvidence } from './core/hosts.ts'
import type { LimitName } from './core/limit-names.ts'
import { PrincipalLinks } from './principal-links.ts'
import type { Side } from './router-socket.ts'

export interface ConnectionsOptions {
  readonly limits: ConnectionLimits
  readonly link: Omit<
    BrokerLinkOptions,
    'onEvent' | 'onReady' | 'authenticate' | 'welcome' | 'onLimit'
  >
  readonly sideOf: (connection: string) => Side
  /** Who is at the other end of this connection. */
  readonly authenticate: (connection: string, hello: HelloBody) => Verdict
  readonly welcome: (connection: string) => ReturnType<BrokerLinkOptions['welcome']>
  readonly onEvent: (connection: string, event: BrokerLinkEvent) => void
  /** This connection has something to send. */
  readonly onReady: (connection: string) => void
  /** A limit was reached. */
  readonly onLimit: (name: LimitName) => void
}

export interface Backlog {
  readonly messages: number
  readonly bytes: number
  readonly mostBytes: number
}

interface Entry {
  readonly side: Side
  readonly link: BrokerLink
  /** Since when it has been without a welcome, monotonic ms. */
  greetingSince: number
  /** When it ended, monotonic ms. */
  endedAt: number | undefined
}

/** Small bodies are not worth a look at what else waits for their principal. */
const LARGE_BODY_BYTES = 4096

export class Connections {
  readonly #options: ConnectionsOptions
  readonly #entries = new Map<string, Entry>()
  /** Those that have not ended. */
  readonly #sizes: Record<Side, number> = { local: 0, network: 0 }
  /** Those that have, and are still known: to be told why, or to be ignored. The one that ended first is first. */
  readonly #over: Readonly<Record<Side, Set<string>>> = { local: new Set(), network: new Set() }
  /** Those that are not welcome, the one that has waited longest first. */
  readonly #greeting: Readonly<Record<Side, Set<string>>> = {
    local: new Set(),
    network: new Set(),
  }
  readonly #byPrincipal = new PrincipalLinks()
  /** How many have ended so, since the start. */
  readonly #ends = new Map<ConnectionEnd, number>()
  #now = 0

  constructor(options: ConnectionsOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#entries.size
  }

  /** How many are not welcome. */
  greetingCount(side: Side): number {
    return this.#greeting[side].size
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
    if (!entry) return this.#refusal(this.#options.sideOf(id))
    entry.link.receive(frames, now)
    return undefined
  }

  #open(id: string, now: number): Entry | undefined {
    const side = this.#options.sideOf(id)
    if (!this.#hasRoom(side)) return undefined
    const { link: options, welcome, onEvent, onReady, onLimit } = this.#options
    const link = new BrokerLink(
      {
        ...options,
        authenticate: (hello) => this.#authenticate(id, hello),
        welcome: () => welcome(id),
        onEvent: (event) => {
          if (event.type === 'ended') this.#ended(id, event.how)
          else if (event.type === 'welcomed') this.#welcomed(id, event.identity)
          else if (event.type === 'unwelcome') this.#unwelcome(id)
          onEvent(id, event)
        },
        onReady: () => onReady(id),
        onLimit,
      },
      now,
    )
    const entry: Entry = {
      ...{ side, link, greetingSince: now, endedAt: undefined },
    }
    this.#entries.set(id, entry)
    this.#sizes[side] += 1
    this.#greeting[side].add(id)
    return entry
  }

  #hasRoom(side: Side): boolean {
    const { maxConnections, maxGreeting } = this.#options.limits[side]
    if (this.#sizes[side] >= maxConnections) {
      this.#options.onLimit('connections')
      return false
    }
    if (this.#greeting[side].size >= maxGreeting) {
      this.#options.onLimit('handshakes')
      this.#makeRoom(side, maxGreeting)
    }
    return true
  }

  /** Whoever is honest shakes hands before so many others have come, so the oldest goes. */
  #makeRoom(side: Side, limit: number): void {
    const [oldest] = this.#greeting[side]
    if (oldest === undefined) return
    const what = 'the table of connections that have not shaken hands'
    this.#entries.get(oldest)?.link.cut(new ProtocolError('OVERLOADED', { what, limit }))
  }

  #refusal(side: Side): Bundle {
    const { maxConnections } = this.#options.limits[side]
    const error = new ProtocolError('OVERLOADED', { what: 'the broker', limit: maxConnections })
    return encodeBundle([{ head: { kind: 'ERROR', id: '' }, body: encode(error.toWire()) }])
  }

  #authenticate(id: string, hello: HelloBody): Verdict {
    const verdict = this.#options.authenticate(id, hello)
    switch (verdict.verdict) {
      case 'accept': {
        const error = this.#tooMany(id, verdict.identity)
        return error ? { verdict: 'refuse', error } : verdict
      }
      case 'challenge':
        return {
          ...verdict,
          verify: (mac) => {
            const proven = verdict.verify(mac)
            if (proven instanceof ProtocolError) return proven
            return this.#tooMany(id, proven) ?? proven
          },
        }
      default:
        return verdict
    }
  }

  /** Why a principal may not have this connection beside those that it has. */
  #tooMany(id: string, { principal }: Identity): ProtocolError | undefined {
    const { maxPerPrincipal: limit } = this.#options.limits[this.#options.sideOf(id)]
    const link = this.#entries.get(id)?.link
    if (this.#byPrincipal.countBeside(principal, link) < limit) return undefined
    this.#options.onLimit('principal_connections')
    return new ProtocolError('OVERLOADED', {
      what: `the set of connections of ${principal}`,
      limit,
    })
  }

  #welcomed(id: string, { principal }: Identity): void {
    const entry = this.#entries.get(id)
    if (!entry) return
    this.#byPrincipal.add(entry.link, principal)
    this.#greeting[entry.side].delete(id)
  }

  /** It has to shake hands again, within its time. */
  #unwelcome(id: string): void {
    const entry = this.#entries.get(id)
    if (!entry) return
    this.#byPrincipal.remove(entry.link)
    entry.greetingSince = this.#now
    this.#greeting[entry.side].add(id)
  }

  #ended(id: string, how: ConnectionEnd): void {
    this.#ends.set(how, (this.#ends.get(how) ?? 0) + 1)
    const entry = this.#entries.get(id)
    if (!entry) return
    const { side } = entry
    entry.endedAt = this.#now
    this.#byPrincipal.remove(entry.link)
    this.#greeting[side].delete(id)
    this.#sizes[side] -= 1
    this.#over[side].add(id)
    const [oldest = ''] = this.#over[side]
    if (this.#over[side].size > this.#options.limits[side].maxConnections) this.#forget(oldest)
  }

  /** The transport says that this peer is gone. */
  gone(id: string, now: number): void {
    this.#now = now
    this.#entries.get(id)?.link.disconnected()
    this.#forget(id) // it has ended by now
  }

  /** The socket of this side is gone, and all its connections. */
  sideGone(side: Side, now: number): void {
    for (const [id, entry] of [...this.#entries]) if (entry.side === side) this.gone(id, now)
  }

  #forget(id: string): void {
    const entry = this.#entries.get(id)
    if (!entry) return
    this.#entries.delete(id)
    this.#over[entry.side].delete(id)
  }

  send(id: string, head: Head, body: Buffer): void {
    const entry = this.#entries.get(id)
    entry?.link.send(head, body)
    if (entry && body.length >= LARGE_BODY_BYTES) this.#boundOutbox(entry)
  }

  /** A principal that asks and does not read has only so much memory, on however many connections. */
  #boundOutbox({ side, link }: Entry): void {
    const { maxOutboxBytes: limit } = this.#options.limits[side]
    const principal = this.#byPrincipal.principalOf(link)
    if (principal === undefined || limit === Number.POSITIVE_INFINITY) return
    if (this.#byPrincipal.backlogBytes(principal) <= limit) return
    this.#options.onLimit('principal_outbox')
    link.cut(new ProtocolError('OVERLOADED', { what: `the send queue of ${principal}`, limit }))
  }

  /** Who are welcome now. */
  *identities(): Generator<Identity> {
    for (const { link } of this.#entries.values()) {
      if (link.state.name === 'welcome') yield link.state.identity
    }
  }

  /** Ends one that does not keep to what it was told, and ignores it for a while. */
  banish(id: string, error: ProtocolError, now: number): void {
    this.#now = now
    this.#entries.get(id)?.link.banish(error)
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
    for (const side of ['local', 'network'] as const) this.#endLate(side)
    for (const [id, entry] of this.#entries) {
      entry.link.tick(now)
      if (entry.endedAt !== undefined) this.#sweep(id, entry, now - entry.endedAt)
    }
  }

  /** Those that are not welcome stand in the order of their coming. */
  #endLate(side: Side): void {
    const { handshakeMs } = this.#options.limits
    for (const id of this.#greeting[side]) {
      const entry = this.#entries.get(id)
      if (!entry || this.#now - entry.greetingSince < handshakeMs) return
      this.#options.onLimit('handshake_time')
      entry.link.cut(new ProtocolError('DEADLINE_EXCEEDED', { where: 'handshake' }))
    }
  }

  /** A peer that only fell silent may come back at once; one that sent rubbish may not. */
  #sweep(id: string, { link }: Entry, endedForMs: number): void {
    const { bannedForMs, lingerMs } = this.#options.limits
    const isTold = link.backlogCount === 0 || endedForMs >= lingerMs
    if (isTold && endedForMs >= (link.isBanned ? bannedForMs : 0)) this.#forget(id)
  }
}

function isWelcome({ state }: BrokerLink, isMeant: (identity: Identity) => boolean): boolean {
  return state.name === 'welcome' && isMeant(state.identity)
}
