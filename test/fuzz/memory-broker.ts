/**
 * A broker without sockets: the real core and the real links of all connections, with a journal in
 * memory and a clock that stands still unless it is moved. Peers are bytes in and bytes out.
 */
import { CONNECTION_LIMITS } from '../../broker/connection-limits.ts'
import { Connections } from '../../broker/connections.ts'
import type { SubscriberPort } from '../../clients/sdk/transport.ts'
import { decodeBundle, encodeBundle, type Message } from '../../protocol/bundle.ts'
import {
  type BrokerLinkEvent,
  type Identity,
  LINK_LIMITS,
  type Verdict,
} from '../../protocol/link/broker-link.ts'
import { NO_AGENT } from '../../protocol/link/health.ts'
import { HEARTBEAT } from '../../protocol/link/heartbeat.ts'
import { OUTBOX_LIMITS } from '../../protocol/link/outbox.ts'
import type { HelloBody, Role } from '../../protocol/messages/handshake.ts'
import type { HeadFor } from '../../protocol/messages/index.ts'
import { CoreHarness, type HarnessOptions } from '../support/core-harness.ts'
import { must } from './target.ts'

export interface MemoryBrokerEvents {
  /** A request has passed the link. */
  request?(connection: string, head: HeadFor<'REQUEST'>): void
  /** Nothing that this connection asked for before is owed to it any more. */
  began?(connection: string): void
  /** There is something to take for this connection. */
  ready?(connection: string): void
}

type Receive = (topic: string, frames: readonly Uint8Array[]) => void

export class MemoryBroker {
  readonly harness: CoreHarness
  readonly connections: Connections
  readonly #events: MemoryBrokerEvents
  readonly #pipes = new Set<{ readonly topics: Set<string>; readonly receive: Receive }>()

  constructor(options: HarnessOptions = {}, events: MemoryBrokerEvents = {}) {
    this.harness = new CoreHarness(options)
    this.#events = events
    this.connections = new Connections({
      limits: CONNECTION_LIMITS,
      link: {
        heartbeat: HEARTBEAT,
        outbox: OUTBOX_LIMITS,
        limits: LINK_LIMITS,
        health: () => ({ loop_lag_ms: 0, in_flight: 0, progress_age_ms: NO_AGENT }),
      },
      sideOf: () => 'local',
      authenticate: (_connection, hello) => authenticate(hello),
      welcome: () => ({
        credit: 4_194_304,
        epoch: this.harness.core.epoch,
        instance: 'fuzzed',
        software: 'fuzzed',
        streams: 'memory:streams',
        resume: 'none',
      }),
      onLimit: (name) => this.harness.core.tally.reached(name),
      onEvent: (connection, event) => this.#event(connection, event),
      onReady: (connection) => this.#events.ready?.(connection),
    })
  }

  get now(): number {
    return this.harness.core.clock.now()
  }

  /** What a ROUTER would hand over: one message of a peer. */
  receive(connection: string, frames: readonly Buffer[]): void {
    this.connections.receive(connection, frames, this.now)
    this.harness.turn()
  }

  gone(connection: string): void {
    this.connections.gone(connection, this.now)
    this.harness.turn()
  }

  /** All that waits for a peer, as it would read it. */
  take(connection: string): Message[] {
    const taken: Message[] = []
    for (let next = this.connections.next(connection); next; ) {
      for (const entry of decodeBundle([next.heads, next.bodies])) {
        must(
          entry.ok,
          () => `a peer cannot read what it is sent: ${entry.ok || entry.error.message}`,
        )
        taken.push(entry.message)
      }
      next = this.connections.next(connection)
    }
    return taken
  }

  advance(ms: number): void {
    this.harness.advance(ms)
    this.connections.tick(this.now)
    this.harness.turn()
  }

  /** A pipe of the XPUB socket. */
  subscriber(receive: Receive): SubscriberPort {
    const { core } = this.harness
    const pipe = { topics: new Set<string>(), receive }
    this.#pipes.add(pipe)
    return {
      subscribe: (ticket) => {
        const topic = core.tickets.redeem(ticket)?.topic
        if (topic === undefined) return
        pipe.topics.add(topic)
        core.subscribed(ticket)
      },
      unsubscribe: (ticket) => {
        const topic = core.tickets.release(ticket)?.topic
        if (topic !== undefined) pipe.topics.delete(topic)
      },
      close: () => this.#pipes.delete(pipe),
    }
  }

  /** Hands what was published since the last time to those who subscribed to it. */
  publish(): void {
    for (const { topic, message } of this.harness.published.splice(0)) {
      const { heads, bodies } = encodeBundle([message])
      for (const pipe of this.#pipes)
        if (pipe.topics.has(topic)) pipe.receive(topic, [heads, bodies])
    }
  }

  #event(connection: string, event: BrokerLinkEvent): void {
    const { core } = this.harness
    if (event.type === 'message') {
      const { head } = event.message
      if (head.kind === 'REQUEST') this.#events.request?.(connection, head)
      core.message(connection, event.identity, event.message)
      return
    }
    this.#events.began?.(connection)
    if (event.type === 'refused') return
    if (event.type === 'ended') core.connectionEnded(connection, event.reason)
    else if (event.type === 'unwelcome') core.connectionEnded(connection, event.type)
    else {
      this.harness.join({
        connection,
        receive: ({ head, body }) => this.connections.send(connection, head, body),
        act: () => false,
      })
    }
  }
}

/** Principals of a test have the role by which they are called. */
const ROLE_OF: Readonly<Record<string, Role>> = {
  local: 'admin',
  operator: 'operator',
  observer: 'observer',
  host: 'host',
  gateway: 'gateway',
}

function authenticate({ principal, role }: HelloBody): Verdict {
  const known = Object.hasOwn(ROLE_OF, principal) ? ROLE_OF[principal] : undefined
  const identity: Identity = { principal, roles: [known ?? role] }
  return { verdict: 'accept', identity }
}
