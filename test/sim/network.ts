/**
 * The network between processes, with the semantics of ZeroMQ over TCP: order and no repetition within a
 * connection, everything in flight lost when it breaks, nothing promised between connections. Both ends
 * learn of a break at their own time, so a peer may be back before the broker knows that it was away.
 */

import type { SubscriberPort } from '../../clients/sdk/transport.ts'
import type { Bundle } from '../../protocol/bundle.ts'
import type { DealerHandlers, DealerPort } from '../../protocol/link/peer-connection.ts'
import type { Life, Scheduler } from './scheduler.ts'
import { type Weather, Wire } from './wire.ts'

type Frames = readonly Buffer[]
type Publication = readonly [topic: string, frames: Frames]
type Subscription = readonly [verb: 'subscribe' | 'unsubscribe', ticket: string]

/** The broker's ROUTER. */
export interface RouterEnd {
  receive(connection: string, frames: Frames): void
  connected(connection: string): void
  disconnected(connection: string): void
}

/** The broker's XPUB. */
export interface PublisherEnd {
  subscribe(pipe: Pipe, ticket: string): void
  unsubscribe(pipe: Pipe, ticket: string): void
  /** Unsubscribes whatever the pipe had subscribed to. */
  gone(pipe: Pipe): void
}

interface Connection {
  readonly id: string
  readonly up: Wire<Frames>
  readonly down: Wire<Frames>
  readonly dealer: SimDealer
}

/** A subscriber's pipe as XPUB sees it. */
export interface Pipe {
  readonly down: Wire<Publication>
  readonly topics: Set<string>
  readonly tickets: Set<string>
}

export const CALM: Weather = { minMs: 0.1, maxMs: 2, highWaterMark: 64, publishLoss: 0 }

export class Network {
  readonly scheduler: Scheduler
  readonly weather: Weather = { ...CALM }
  router: RouterEnd | undefined
  publisher: PublisherEnd | undefined
  readonly dealers = new Set<SimDealer>()
  readonly subscribers = new Set<SimSubscriber>()
  /** Connections that the broker believes in, by id. */
  readonly connections = new Map<string, Connection>()
  #lastId = 0

  constructor(scheduler: Scheduler) {
    this.scheduler = scheduler
  }

  dealer(life: Life, handlers: DealerHandlers): SimDealer {
    return new SimDealer(this, life, handlers)
  }

  subscriber(
    life: Life,
    receive: (topic: string, frames: Frames) => void,
    broken: () => void,
  ): SimSubscriber {
    return new SimSubscriber(this, life, receive, broken)
  }

  nextId(): string {
    this.#lastId += 1
    return `c${this.#lastId}`
  }

  /** ROUTER sends: to a connection that it believes in, within the room of its pipe. */
  send(id: string, { heads, bodies }: Bundle): 'sent' | 'full' | 'gone' {
    const connection = this.connections.get(id)
    if (!connection) return 'gone'
    if (connection.down.isFull) return 'full'
    connection.down.carry([heads, bodies])
    return 'sent'
  }

  publish(pipes: Iterable<Pipe>, topic: string, { heads, bodies }: Bundle): void {
    for (const pipe of pipes) {
      if (!pipe.topics.has(topic) || pipe.down.isFull) continue
      if (this.scheduler.chance(this.weather.publishLoss)) continue
      pipe.down.carry([topic, [heads, bodies]])
    }
  }

  /** The broker's process is gone, and its sockets with it. */
  brokerGone(): void {
    this.router = undefined
    this.publisher = undefined
    for (const dealer of this.dealers) dealer.breakOff()
    for (const subscriber of this.subscribers) subscriber.breakOff()
    this.connections.clear()
  }
}

export class SimDealer implements DealerPort {
  readonly life: Life
  readonly #net: Network
  readonly #handlers: DealerHandlers
  #connection: Connection | undefined
  #waiting: { readonly bundle: Bundle; readonly taken: () => void } | undefined
  #state: 'open' | 'closed' = 'open'
  /** Dials in vain while true. */
  isPartitioned = false

  constructor(net: Network, life: Life, handlers: DealerHandlers) {
    this.#net = net
    this.life = life
    this.#handlers = handlers
    net.dealers.add(this)
    life.onEnd(() => this.close())
    this.#dial(net.scheduler.between(0, 5))
  }

  get isConnected(): boolean {
    return this.#connection !== undefined
  }

  send(bundle: Bundle): Promise<void> {
    return new Promise((taken) => {
      this.#waiting = { bundle, taken }
      this.#take()
    })
  }

  redial(): void {
    this.breakOff()
  }

  close(): void {
    this.#state = 'closed'
    this.#net.dealers.delete(this)
    this.breakOff()
  }

  /** The connection breaks; what is in flight is lost beyond a cut point. */
  breakOff(): void {
    const connection = this.#connection
    if (!connection) return
    const { scheduler } = this.#net
    this.#connection = undefined
    connection.up.cut()
    connection.down.cut()
    const isHalfOpen = scheduler.chance(0.15)
    const brokerMs = isHalfOpen ? scheduler.between(50, 6000) : scheduler.between(0, 10)
    scheduler.after(brokerMs, () => {
      if (!this.#net.connections.delete(connection.id)) return
      scheduler.trace(`router loses ${connection.id}`)
      this.#net.router?.disconnected(connection.id)
    })
    if (this.#state === 'closed') return
    const toldMs = scheduler.chance(0.1) ? scheduler.between(10, 300) : scheduler.between(0, 5)
    this.life.after(toldMs, () => this.#handlers.disconnected())
    this.#dial(scheduler.between(100, 400))
  }

  stall(direction: 'up' | 'down'): void {
    this.#connection?.[direction].stall()
  }

  goOn(): void {
    this.#connection?.up.goOn()
    this.#connection?.down.goOn()
  }

  #dial(ms: number): void {
    this.life.after(ms, () => {
      const { router } = this.#net
      if (this.#state === 'closed' || this.#connection) return
      if (!router || this.isPartitioned) this.#dial(this.#net.scheduler.between(100, 400))
      else this.#connect(router)
    })
  }

  #connect(router: RouterEnd): void {
    const { scheduler, weather, connections } = this.#net
    const id = this.#net.nextId()
    const up = new Wire<Frames>(scheduler, weather, (frames) => {
      if (this.#net.router === router) router.receive(id, frames)
    })
    const down = new Wire<Frames>(scheduler, weather, (frames) => {
      if (!this.life.isOver) this.#handlers.receive(frames)
    })
    const connection: Connection = { id, up, down, dealer: this }
    up.onRoom = () => this.#take()
    this.#connection = connection
    connections.set(id, connection)
    scheduler.trace(`${this.life.name} connects as ${id}`)
    router.connected(id)
    this.#take()
  }

  #take(): void {
    const waiting = this.#waiting
    const connection = this.#connection
    if (!waiting || !connection || connection.up.isFull || this.life.isOver) return
    this.#waiting = undefined
    connection.up.carry([waiting.bundle.heads, waiting.bundle.bodies])
    waiting.taken()
  }
}

interface Subscribed extends Pipe {
  readonly up: Wire<Subscription>
}

export class SimSubscriber implements SubscriberPort {
  readonly life: Life
  readonly #net: Network
  readonly #receive: (topic: string, frames: Frames) => void
  readonly #broken: () => void
  /** XSUB says these again by itself on each new connection. */
  readonly #tickets = new Set<string>()
  #pipe: Subscribed | undefined
  #state: 'open' | 'closed' = 'open'

  constructor(
    net: Network,
    life: Life,
    receive: (topic: string, frames: Frames) => void,
    broken: () => void,
  ) {
    this.#net = net
    this.life = life
    this.#receive = receive
    this.#broken = broken
    net.subscribers.add(this)
    life.onEnd(() => this.close())
    this.#dial(net.scheduler.between(0, 5))
  }

  subscribe(ticket: string): void {
    if (this.#tickets.has(ticket)) return
    this.#tickets.add(ticket)
    this.#pipe?.up.carry(['subscribe', ticket])
  }

  unsubscribe(ticket: string): void {
    if (this.#tickets.delete(ticket)) this.#pipe?.up.carry(['unsubscribe', ticket])
  }

  close(): void {
    this.#state = 'closed'
    this.#net.subscribers.delete(this)
    this.breakOff()
  }

  breakOff(): void {
    const pipe = this.#pipe
    if (!pipe) return
    this.#pipe = undefined
    pipe.up.cut()
    pipe.down.cut()
    const { scheduler } = this.#net
    const { publisher } = this.#net
    scheduler.after(scheduler.between(0, scheduler.chance(0.15) ? 6000 : 10), () => {
      if (this.#net.publisher === publisher) publisher?.gone(pipe)
    })
    if (this.#state !== 'open') return
    this.life.after(scheduler.between(0, 5), () => this.#broken())
    this.#dial(scheduler.between(100, 400))
  }

  stall(): void {
    this.#pipe?.down.stall()
  }

  goOn(): void {
    this.#pipe?.down.goOn()
  }

  #dial(ms: number): void {
    this.life.after(ms, () => {
      const { publisher, scheduler } = this.#net
      if (this.#state === 'closed' || this.#pipe) return
      if (publisher) this.#connect(publisher)
      else this.#dial(scheduler.between(100, 400))
    })
  }

  #connect(publisher: PublisherEnd): void {
    const { scheduler, weather } = this.#net
    const down = new Wire<Publication>(scheduler, weather, ([topic, frames]) => {
      if (!this.life.isOver) this.#receive(topic, frames)
    })
    const up = new Wire<Subscription>(scheduler, weather, ([verb, ticket]) => {
      if (this.#net.publisher === publisher) publisher[verb](pipe, ticket)
    })
    const pipe: Subscribed = { up, down, topics: new Set(), tickets: new Set() }
    this.#pipe = pipe
    for (const ticket of this.#tickets) up.carry(['subscribe', ticket])
  }
}
