/** One life of a broker: the real core and connections, on simulated sockets and a simulated journal. */
import { CONNECTION_LIMITS } from '../../broker/connection-limits.ts'
import { Connections } from '../../broker/connections.ts'
import { LOCAL_ACCESS } from '../../broker/core/access.ts'
import { CORE_LIMITS, Core } from '../../broker/core/core.ts'
import type { RetentionPolicy } from '../../broker/core/retention.ts'
import { RouterWriter } from '../../broker/router-writer.ts'
import { encodeBundle, type Message } from '../../protocol/bundle.ts'
import { newToken } from '../../protocol/ids.ts'
import { type BrokerLinkEvent, LINK_LIMITS } from '../../protocol/link/broker-link.ts'
import { NO_AGENT } from '../../protocol/link/health.ts'
import { HEARTBEAT } from '../../protocol/link/heartbeat.ts'
import { OUTBOX_LIMITS } from '../../protocol/link/outbox.ts'
import type { Head } from '../../protocol/messages/index.ts'
import type { Network, Pipe, PublisherEnd, RouterEnd } from './network.ts'
import type { Life, Scheduler } from './scheduler.ts'
import type { SimJournal } from './sim-journal.ts'

const TICK_MS = 50
/** What the wall clock says when a run begins, ms since 1970. */
const WALL_AT_START = 1_700_000_000_000
const CREDIT_BYTES = 4096 // little, so that hosts do run out of it

/** Sees all that the core takes and says, to hold it to its promises. */
export interface BrokerWatch {
  took(connection: string, message: Message): void
  said(connection: string, head: Head, body: Buffer): void
  published(messages: readonly Message[]): void
  logged(event: string, fields: Readonly<Record<string, unknown>>): void
}

export interface SimBrokerOptions {
  readonly life: Life
  readonly scheduler: Scheduler
  readonly network: Network
  readonly journal: SimJournal
  readonly retention: RetentionPolicy
  readonly watch: BrokerWatch
}

export class SimBroker implements RouterEnd, PublisherEnd {
  readonly core: Core
  readonly connections: Connections
  readonly #options: SimBrokerOptions
  readonly #writer: RouterWriter
  readonly #pipes = new Set<Pipe>()

  constructor(options: SimBrokerOptions) {
    this.#options = options
    const { life, network } = options
    this.#writer = new RouterWriter({
      next: (connection) => this.connections.next(connection),
      send: (connection, bundle) =>
        Promise.resolve(life.isOver ? 'sent' : network.send(connection, bundle)),
      gone: (connection) => this.#gone(connection),
      failed: (error) => options.watch.logged('defect', { cause: error }),
      after: life.after,
    })
    this.connections = new Connections({
      limits: CONNECTION_LIMITS,
      sideOf: () => 'local',
      link: this.#linkOptions(),
      authenticate: () =>
        ({ verdict: 'accept', identity: { principal: 'local', roles: ['admin'] } }) as const,
      welcome: this.#welcome(),
      onEvent: (connection, event) => this.#event(connection, event),
      onReady: (connection) => this.#writer.ready(connection),
      onLimit: (name) => this.core.tally.reached(name),
    })
    this.core = this.#buildCore()
    life.every(TICK_MS, () => {
      this.connections.tick(life.now())
      this.core.tick()
    })
    network.router = this
    network.publisher = this
    this.core.flush()
  }

  /** Pipes and bundles that something is kept for. */
  get held(): { readonly pipes: number; readonly stuck: number } {
    return { pipes: this.#pipes.size, stuck: this.#writer.stuckCount }
  }

  receive(connection: string, frames: readonly Buffer[]): void {
    this.connections.receive(connection, frames, this.#options.life.now())
    this.core.flush()
  }

  connected(connection: string): void {
    if (this.connections.has(connection)) this.#gone(connection)
  }

  disconnected(connection: string): void {
    if (this.connections.has(connection)) this.#gone(connection)
  }

  subscribe(pipe: Pipe, ticket: string): void {
    this.#pipes.add(pipe)
    pipe.tickets.add(ticket)
    const topic = this.core.tickets.redeem(ticket)?.topic
    if (topic === undefined) return
    pipe.topics.add(topic)
    this.core.subscribed(ticket)
  }

  unsubscribe(pipe: Pipe, ticket: string): void {
    pipe.tickets.delete(ticket)
    const topic = this.core.tickets.release(ticket)?.topic
    if (topic !== undefined) pipe.topics.delete(topic)
  }

  gone(pipe: Pipe): void {
    for (const ticket of pipe.tickets) this.core.tickets.release(ticket)
    this.#pipes.delete(pipe)
  }

  #gone(connection: string): void {
    this.connections.gone(connection, this.#options.life.now())
    this.#writer.forget(connection)
    this.core.flush()
  }

  #event(connection: string, event: BrokerLinkEvent): void {
    if (event.type === 'message') {
      this.#options.watch.took(connection, event.message)
      this.core.message(connection, event.identity, event.message)
    } else if (event.type === 'ended') this.core.connectionEnded(connection, event.reason)
    else if (event.type === 'welcomed') this.core.connectionBegan(connection)
    else if (event.type === 'unwelcome') this.core.connectionEnded(connection, event.type)
  }

  #linkOptions() {
    return {
      heartbeat: HEARTBEAT,
      outbox: OUTBOX_LIMITS,
      limits: LINK_LIMITS,
      health: () => ({ loop_lag_ms: 0, in_flight: 0, progress_age_ms: NO_AGENT }),
    }
  }

  #welcome() {
    const { scheduler } = this.#options
    const random = (size: number) => scheduler.bytes(size)
    const instance = newToken(random)
    return () => ({
      credit: CREDIT_BYTES,
      epoch: this.core.epoch,
      instance,
      software: 'simulated',
      streams: 'sim:streams',
      resume: newToken(random),
    })
  }

  #buildCore(): Core {
    const { life, scheduler, network, journal, watch, retention } = this.#options
    return new Core({
      clock: { now: life.now, wall: () => WALL_AT_START + Math.floor(life.now()) },
      random: (size) => scheduler.bytes(size),
      journal,
      limits: { ...CORE_LIMITS, hostCreditBytes: CREDIT_BYTES, retention },
      surroundings: {
        software: 'simulated',
        instance: 'simulated',
        pid: 1,
        journalPath: '',
        endpoint: 'sim:router',
        streams: 'sim:streams',
        loopLagMs: () => 0,
        rssBytes: () => 0,
      },
      send: (connection, head, body) => {
        watch.said(connection, head, body)
        this.connections.send(connection, head, body)
      },
      publish: (topic, messages) => {
        watch.published(messages)
        network.publish(this.#pipes, topic, encodeBundle(messages))
      },
      link: (connection) => this.connections.evidence(connection, life.now()),
      access: {
        ...LOCAL_ACCESS,
        // Peers that keep to the protocol are never sent away, whatever the network does to them.
        banish: (_, error) => watch.logged('defect', { cause: error }),
      },
      connectionCount: () => this.connections.size,
      metrics: async () => ({ content_type: 'text/plain', text: '' }),
      log: (event, fields) => watch.logged(event, fields),
    })
  }
}
