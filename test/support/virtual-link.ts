/**
 * PeerLinks and BrokerLinks on a virtual network: seeded weather, a virtual clock, no sockets. The
 * virtual broker keeps its links as a real one does: one for each connection id, made anew for a
 * connection that it does not know.
 */
import type { Bundle } from '../../protocol/bundle.ts'
import {
  BrokerLink,
  type BrokerLinkEvent,
  type BrokerLinkOptions,
  LINK_LIMITS,
} from '../../protocol/link/broker-link.ts'
import { HEARTBEAT } from '../../protocol/link/heartbeat.ts'
import { OUTBOX_LIMITS } from '../../protocol/link/outbox.ts'
import {
  type LinkEvent,
  PEER_RETRY,
  PeerLink,
  type PeerLinkOptions,
  SILENT_AFTER_MS,
} from '../../protocol/link/peer-link.ts'
import { seededRandom, VirtualClock } from './virtual-clock.ts'

/** What happens to a message on its way. */
export interface Weather {
  readonly minMs: number
  readonly maxMs: number
  /** Share of messages that get lost. */
  readonly loss: number
  /** Share of messages that arrive twice. */
  readonly duplication: number
  /** Messages keep their order, as on a real connection. */
  readonly ordered: boolean
}

export const CALM: Weather = { minMs: 1, maxMs: 1, loss: 0, duplication: 0, ordered: true }

type Frames = readonly [Buffer, Buffer]
type Deliver = (frames: Frames) => void

/** One direction of one connection. */
class Wire {
  readonly #net: VirtualNetwork
  readonly #deliver: Deliver
  #lastAt = 0

  constructor(net: VirtualNetwork, deliver: Deliver) {
    this.#net = net
    this.#deliver = deliver
  }

  carry({ heads, bodies }: Bundle): void {
    const { weather, random } = this.#net
    if (random() < weather.loss) return
    this.#arrive([heads, bodies])
    if (random() < weather.duplication) this.#arrive([heads, bodies])
  }

  #arrive(frames: Frames): void {
    const { weather, random, clock } = this.#net
    let at = clock.now + weather.minMs + random() * (weather.maxMs - weather.minMs)
    if (weather.ordered) at = Math.max(at, this.#lastAt)
    this.#lastAt = at
    clock.after(at - clock.now, () => this.#deliver(frames))
  }
}

/** Sends what a link has ready, at the end of the current moment, as a Writer does. */
class Pump {
  readonly #net: VirtualNetwork
  readonly #next: () => Bundle | undefined
  readonly #wire: Wire
  #isPlanned = false

  constructor(net: VirtualNetwork, next: () => Bundle | undefined, wire: Wire) {
    this.#net = net
    this.#next = next
    this.#wire = wire
  }

  readonly kick = (): void => {
    if (this.#isPlanned) return
    this.#isPlanned = true
    this.#net.clock.after(0, () => {
      this.#isPlanned = false
      for (let bundle = this.#next(); bundle; bundle = this.#next()) this.#wire.carry(bundle)
    })
  }
}

export type VirtualPeerOptions = Partial<Omit<PeerLinkOptions, 'onReady' | 'onEvent'>> & {
  readonly onEvent?: (event: LinkEvent, link: PeerLink) => void
}

export class VirtualPeer {
  readonly name: string
  readonly link: PeerLink
  readonly events: LinkEvent[] = []
  /** The network carries nothing to or from this peer while it is cut. */
  isCut = false

  constructor(net: VirtualNetwork, name: string, options: VirtualPeerOptions) {
    this.name = name
    const wire = new Wire(net, (frames) => {
      if (!this.isCut) net.broker.receive(name, frames)
    })
    const pump = new Pump(net, () => this.link.next(), wire)
    this.link = new PeerLink({
      role: 'operator',
      principal: name,
      software: 'test',
      silentAfterMs: SILENT_AFTER_MS,
      retry: PEER_RETRY,
      random: net.random,
      health: () => ({ loop_lag_ms: 0.5, in_flight: 2, progress_age_ms: 30 }),
      ...options,
      onReady: pump.kick,
      onEvent: (event) => {
        this.events.push(event)
        options.onEvent?.(event, this.link)
      },
    })
  }

  /** Names of the events so far, without messages. */
  get story(): string[] {
    return this.events.map(({ type }) => type).filter((type) => type !== 'message')
  }

  count(type: LinkEvent['type']): number {
    return this.events.filter((event) => event.type === type).length
  }
}

interface Connection {
  readonly link: BrokerLink
  endedAt: number | undefined
}

export type VirtualBrokerOptions = Partial<Omit<BrokerLinkOptions, 'onReady' | 'onEvent'>> & {
  readonly onEvent?: (peer: string, event: BrokerLinkEvent, link: BrokerLink) => void
  /** A connection that was cut off for rubbish stays cut off this long. */
  readonly cutForMs?: number
}

export class VirtualBroker {
  readonly events: { readonly peer: string; readonly event: BrokerLinkEvent }[] = []
  isUp = true
  readonly #net: VirtualNetwork
  readonly #options: VirtualBrokerOptions
  readonly #connections = new Map<string, Connection>()
  #instance = 1

  constructor(net: VirtualNetwork, options: VirtualBrokerOptions) {
    this.#net = net
    this.#options = options
  }

  /** Forgets every connection, as a new process has. */
  restart(): void {
    this.#connections.clear()
    this.#instance += 1
    this.isUp = true
  }

  crash(): void {
    this.#connections.clear()
    this.isUp = false
  }

  /** The transport says that this peer is gone. */
  gone(peer: string): void {
    this.link(peer)?.disconnected()
    this.#connections.delete(peer)
  }

  link(peer: string): BrokerLink | undefined {
    return this.#connections.get(peer)?.link
  }

  stateOf(peer: string): string {
    return this.link(peer)?.state.name ?? 'unknown'
  }

  eventsOf(peer: string): BrokerLinkEvent[] {
    return this.events.flatMap((entry) => (entry.peer === peer ? [entry.event] : []))
  }

  receive(peer: string, frames: readonly Buffer[]): void {
    if (!this.isUp) return
    const connection = this.#connections.get(peer) ?? this.#open(peer)
    connection.link.receive(frames, this.#net.clock.now)
  }

  tick(): void {
    const { now } = this.#net.clock
    for (const [peer, connection] of this.#connections) {
      connection.link.tick(now)
      if (connection.endedAt === undefined) continue
      const wait = connection.link.isBanned ? (this.#options.cutForMs ?? 1000) : 0
      if (now - connection.endedAt > wait) this.#connections.delete(peer)
    }
  }

  #open(peer: string): Connection {
    const instance = `run-${this.#instance}`
    const wire = new Wire(this.#net, (frames) => this.#net.arrive(peer, frames))
    const pump = new Pump(this.#net, () => connection.link.next(), wire)
    const link = new BrokerLink(
      {
        heartbeat: HEARTBEAT,
        outbox: OUTBOX_LIMITS,
        limits: { ...LINK_LIMITS, maxStrikes: 3 },
        onLimit: () => {},
        authenticate: ({ principal, role }) => ({
          verdict: 'accept',
          identity: { principal, roles: [role] },
        }),
        welcome: () => ({
          credit: 1000,
          epoch: 1,
          instance,
          software: 'test broker',
          streams: 'ipc:///streams',
          resume: `resume ${instance}`,
        }),
        health: () => ({ loop_lag_ms: 1.5, in_flight: 3, progress_age_ms: -1 }),
        ...this.#options,
        onReady: pump.kick,
        onEvent: (event) => {
          this.events.push({ peer, event })
          if (event.type === 'ended') connection.endedAt = this.#net.clock.now
          this.#options.onEvent?.(peer, event, connection.link)
        },
      },
      this.#net.clock.now,
    )
    const connection: Connection = { link, endedAt: undefined }
    this.#connections.set(peer, connection)
    return connection
  }
}

export interface VirtualNetworkOptions {
  readonly seed?: number
  readonly weather?: Weather
  readonly broker?: VirtualBrokerOptions
}

const TICK_MS = 50

export class VirtualNetwork {
  readonly clock = new VirtualClock()
  readonly random: () => number
  readonly broker: VirtualBroker
  readonly peers = new Map<string, VirtualPeer>()
  weather: Weather

  constructor(options: VirtualNetworkOptions = {}) {
    this.random = seededRandom(options.seed ?? 1)
    this.weather = options.weather ?? CALM
    this.broker = new VirtualBroker(this, options.broker ?? {})
    this.clock.every(TICK_MS, () => {
      for (const peer of this.peers.values()) peer.link.tick(this.clock.now)
      this.broker.tick()
    })
  }

  /** Adds a peer and begins its handshake. */
  peer(name: string, options: VirtualPeerOptions = {}): VirtualPeer {
    const peer = new VirtualPeer(this, name, options)
    this.peers.set(name, peer)
    peer.link.start(this.clock.now)
    return peer
  }

  arrive(name: string, frames: Frames): void {
    const peer = this.peers.get(name)
    if (peer && !peer.isCut) peer.link.receive(frames, this.clock.now)
  }

  run(ms: number): void {
    this.clock.run(ms)
  }
}
