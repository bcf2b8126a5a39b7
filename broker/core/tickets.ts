/**
 * Tickets: the right to one subscription each, bound to the connection that asked; and how far the
 * reader behind each has come, as it tells.
 */
import { ProtocolError } from '../../protocol/errors.ts'
import { newToken, type RandomBytes } from '../../protocol/ids.ts'
import { LOCAL } from './rights.ts'
import type { StreamState, Streams } from './streams.ts'

export interface TicketLimits {
  /** Tickets that one connection may hold. */
  readonly maxPerConnection: number
  /** Tickets that one principal may hold; users of this machine may hold any number. */
  readonly maxPerPrincipal: number
  /** A ticket that nobody redeems is void after this, ms. */
  readonly redeemWithinMs: number
}

export const TICKET_LIMITS: TicketLimits = {
  maxPerConnection: 4096, // one for each session that a dashboard follows
  maxPerPrincipal: 16_384, // about 400 bytes each
  redeemWithinMs: 30_000,
}

/** Held tickets are given back one by one, ms. */
const RETRY_AFTER_MS = 1000

export interface TicketsOptions {
  readonly streams: Streams
  readonly random: RandomBytes
  readonly limits?: TicketLimits
  readonly onLimit?: () => void
}

/** Who holds a ticket. */
export interface Holder {
  readonly connection: string
  readonly principal: string
  /** The gateway that acts for it. */
  readonly via?: string | undefined
}

/** Who says something of a ticket. */
export type Reporter = Pick<Holder, 'connection' | 'principal'>

/** A ticket as others may see it. */
export interface Reading {
  readonly session: string
  readonly holder: Holder
  /** Monotonic, ms. */
  readonly issuedAt: number
  readonly isRedeemed: boolean
  /** Last sequence that its reader has taken, as far as it has told. */
  readonly position: number
  /** When it last told, monotonic ms; undefined = never. */
  readonly reportedAt: number | undefined
}

interface Ticket extends Reading {
  /** Of the session when the ticket was issued; may outlive it, for its pipe to be unsubscribed. */
  readonly state: StreamState
  isRedeemed: boolean
  isClosed: boolean
  position: number
  reportedAt: number | undefined
}

export class Tickets {
  readonly #streams: Streams
  readonly #random: RandomBytes
  readonly #limits: TicketLimits
  readonly #tickets = new Map<string, Ticket>()
  readonly #held = new Map<string, Set<string>>()
  readonly #perPrincipal = new Map<string, number>()
  readonly #onLimit: () => void

  constructor({ streams, random, limits = TICKET_LIMITS, onLimit = () => {} }: TicketsOptions) {
    this.#streams = streams
    this.#random = random
    this.#limits = limits
    this.#onLimit = onLimit
  }

  get size(): number {
    return this.#tickets.size
  }

  /** `position` is the last sequence that its reader does not want. Throws OVERLOADED. */
  issue(session: string, holder: Holder, position: number, now: number): string {
    const { connection, principal } = holder
    const held = this.#held.get(connection) ?? new Set()
    const { maxPerConnection, maxPerPrincipal } = this.#limits
    if (held.size >= maxPerConnection) throw this.#full('this connection', maxPerConnection)
    const theirs = this.#perPrincipal.get(principal) ?? 0
    if (principal !== LOCAL && theirs >= maxPerPrincipal) {
      throw this.#full(principal, maxPerPrincipal)
    }
    this.#perPrincipal.set(principal, theirs + 1)
    const ticket = newToken(this.#random)
    this.#tickets.set(ticket, {
      session,
      state: this.#streams.of(session),
      holder,
      issuedAt: now,
      isRedeemed: false,
      isClosed: false,
      position,
      reportedAt: undefined,
    })
    this.#held.set(connection, held.add(ticket))
    return ticket
  }

  /** Tickets that nobody has redeemed go by themselves. */
  #full(whose: string, limit: number): ProtocolError {
    this.#onLimit()
    const what = `the set of tickets of ${whose}`
    return new ProtocolError('OVERLOADED', { what, limit }, { retryAfterMs: RETRY_AFTER_MS })
  }

  /** The stream to subscribe this pipe to; undefined for an unknown or used ticket, which is ignored. */
  redeem(ticket: string): StreamState | undefined {
    const found = this.#tickets.get(ticket)
    if (!found || found.isRedeemed) return undefined
    found.isRedeemed = true
    const { principal, via } = found.holder
    found.state.heardBy.add(principal)
    if (via !== undefined) found.state.heardBy.add(via) // it is the one that hears
    found.state.subscribers += 1
    return found.state
  }

  /** The stream of a ticket. */
  streamOf(ticket: string): StreamState | undefined {
    return this.#tickets.get(ticket)?.state
  }

  /** The reader behind a ticket has come this far; another's ticket is ignored. */
  progressed(ticket: string, by: Reporter, position: number, now: number): void {
    const found = this.#tickets.get(ticket)
    if (!found || !isOf(found.holder, by)) return
    found.position = position
    found.reportedAt = now
  }

  /** The tickets behind which somebody reads, or will. */
  *readings(): Generator<Reading> {
    for (const ticket of this.#tickets.values()) if (!ticket.isClosed) yield ticket
  }

  /** Its holder does not want it any more; another's ticket is ignored. */
  giveBack(ticket: string, by: Reporter): void {
    const holder = this.#tickets.get(ticket)?.holder
    if (holder && isOf(holder, by)) this.close(ticket)
  }

  /** Nobody reads any more. A redeemed ticket is kept until its pipe is unsubscribed as well. */
  close(ticket: string): void {
    const found = this.#tickets.get(ticket)
    if (!found?.isRedeemed) this.release(ticket)
    else if (!found.isClosed) {
      found.isClosed = true
      found.state.subscribers -= 1
    }
  }

  /** The session is gone: nobody reads it any more. */
  sessionEnded(session: string): void {
    for (const [ticket, found] of this.#tickets) if (found.session === session) this.close(ticket)
  }

  /** Gives a ticket back; the stream to unsubscribe the pipe from, if it was redeemed. */
  release(ticket: string): StreamState | undefined {
    const found = this.#tickets.get(ticket)
    if (!found) return undefined
    this.#tickets.delete(ticket)
    this.#forget(found.holder, ticket)
    if (!found.isRedeemed) return undefined
    if (!found.isClosed) found.state.subscribers -= 1
    return found.state
  }

  /**
   * A principal may not read any more what it reads, for itself or as a gateway. ZeroMQ takes nobody's pipe
   * off a topic for us, so its streams move to other topics; returns the tickets that this makes void.
   */
  revoke(principal: string): { readonly ticket: string; readonly connection: string }[] {
    const moved = new Set(this.#streams.heardBy(principal))
    const gone: { readonly ticket: string; readonly connection: string }[] = []
    for (const [ticket, { state, holder, isClosed, isRedeemed }] of [...this.#tickets]) {
      const isTheirs = holder.principal === principal || holder.via === principal
      if (!isTheirs && !(isRedeemed && moved.has(state))) continue
      if (!isClosed) gone.push({ ticket, connection: holder.connection })
      this.release(ticket)
    }
    for (const state of moved) this.#streams.move(state)
    return gone
  }

  /** The connection that held them is gone: so are its tickets. */
  connectionEnded(connection: string): void {
    for (const ticket of [...(this.#held.get(connection) ?? [])]) this.release(ticket)
  }

  tick(now: number): void {
    for (const [ticket, { isRedeemed, issuedAt }] of this.#tickets) {
      if (!isRedeemed && now - issuedAt >= this.#limits.redeemWithinMs) this.release(ticket)
    }
  }

  #forget({ connection, principal }: Holder, ticket: string): void {
    const held = this.#held.get(connection)
    held?.delete(ticket)
    if (held?.size === 0) this.#held.delete(connection)
    const left = (this.#perPrincipal.get(principal) ?? 0) - 1
    if (left > 0) this.#perPrincipal.set(principal, left)
    else this.#perPrincipal.delete(principal)
  }
}

function isOf(holder: Holder, { connection, principal }: Reporter): boolean {
  return holder.connection === connection && holder.principal === principal
}
