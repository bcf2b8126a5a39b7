/**
 * The door for other machines: sockets that take nothing but CURVE, the handler that says which keys may
 * connect, and the change of the broker's own key. A broker that listens to no network has none. When a flood
 * would take from the users of this machine, the door is shut for a while.
 */
import type { RandomBytes } from '../../protocol/ids.ts'
import { fingerprint } from '../../protocol/keys/key-pair.ts'
import type { Verdict } from '../../protocol/link/broker-link.ts'
import type { RateLimits } from '../../protocol/link/rate.ts'
import type { HelloBody } from '../../protocol/messages/handshake.ts'
import type { DoorInfo } from '../../protocol/methods/key.ts'
import type { RotationStep } from '../core/access.ts'
import type { KeyStatus, Principals } from '../core/principals.ts'
import { whenFree } from '../curve.ts'
import { type RouterPort, RouterSocket, routingIdOf } from '../router-socket.ts'
import { type StreamsPort, StreamsSocket } from '../streams-socket.ts'
import { type ZapAnswer, ZapSocket } from '../zap-socket.ts'
import { authenticateRemote } from './authenticator.ts'
import { BrokerKeys } from './broker-keys.ts'
import { ConnectRates } from './connect-rates.ts'
import { ConnectionIds } from './connection-ids.ts'
import { DoorGuard, type GuardLimits, type GuardStep, type Load } from './door-guard.ts'
import type { DoorNotes } from './door-notes.ts'
import { OpenPipes } from './open-pipes.ts'

export interface NetworkDoorOptions {
  /** ROUTER endpoint, tcp. */
  readonly endpoint: string
  /** XPUB endpoint, tcp. */
  readonly streams: string
  /** Endpoint as other machines reach it; empty = not said. */
  readonly advertised: string
  readonly keyFile: string
  readonly random: RandomBytes
  readonly now: () => number
  readonly principals: () => Principals
  /** How often one key may connect. */
  readonly connects: RateLimits
  /** Connections to ROUTER that one key may have open. */
  readonly maxConnectionsOfKey: number
  readonly router: RouterPort
  readonly subscriptions: Omit<StreamsPort, 'flooded'>
  readonly guard: GuardLimits
  readonly notes: DoorNotes
  /** All connections have ended. */
  readonly left: () => void
}

/** A key that did what nobody does by mistake may not connect for this long, ms. */
const BARRED_MS = 60 * 60_000

export class NetworkDoor {
  readonly #options: NetworkDoorOptions
  readonly #keys: BrokerKeys
  readonly #ids: ConnectionIds
  readonly #zap: ZapSocket
  readonly #guard: DoorGuard
  readonly #rates: ConnectRates
  readonly #pipes = new OpenPipes()
  #router: RouterSocket
  #publisher: StreamsSocket
  #bound: { readonly endpoint: string; readonly streams: string }
  /** Changes of the sockets, one after the other. */
  #moving: Promise<unknown> = Promise.resolve()
  #state: 'open' | 'shut' | 'closed' = 'open'
  /** Keys of those that were told the next key. */
  readonly #told = new Set<string>()

  /** Reads or makes the key of the broker. Throws BAD_CONFIG. */
  constructor(options: NetworkDoorOptions) {
    this.#options = options
    const { endpoint, streams } = options
    this.#bound = { endpoint, streams }
    this.#keys = new BrokerKeys(options.keyFile, options.random)
    this.#ids = new ConnectionIds(options.random)
    this.#guard = new DoorGuard(options.guard)
    this.#rates = new ConnectRates(options.connects)
    this.#router = this.#newRouter()
    this.#publisher = this.#newPublisher()
    this.#zap = new ZapSocket({
      decide: (key, address) => this.#decide(key, address),
      nameOf: (key) => this.#ids.issue(key),
      failed: (error) => options.router.failed(error),
    })
  }

  #newRouter(): RouterSocket {
    return new RouterSocket(this.#options.router, 'network')
  }

  #newPublisher(): StreamsSocket {
    const port = {
      ...this.#options.subscriptions,
      flooded: () => this.#guard.flooded('subscriptions'),
    }
    return new StreamsSocket(port, 'network')
  }

  get router(): RouterSocket {
    return this.#router
  }

  /** First the handler: without it libzmq lets nobody in. */
  async bind(): Promise<void> {
    const { secretKey } = this.#keys.current
    const { endpoint, streams } = this.#options
    await this.#zap.bind()
    const router = await this.#router.bind(endpoint, secretKey)
    // A port that may be any one is the same one from now on.
    this.#bound = {
      endpoint: router.endpoint,
      streams: await this.#publisher.bind(streams, secretKey),
    }
  }

  /** The handler last: nobody gets in while it is gone. */
  async close(): Promise<void> {
    this.#state = 'closed'
    await this.#moving.catch(() => undefined)
    await this.#leave()
    await this.#zap.close()
  }

  async #leave(): Promise<void> {
    await this.#router.close()
    await this.#publisher.close()
  }

  /** What goes to readers on other machines. */
  get publisher(): StreamsSocket {
    return this.#publisher
  }

  authenticate(connection: string, hello: HelloBody): Verdict {
    const { principals, random } = this.#options
    return authenticateRemote(hello, {
      connectedAs: this.#keyOf(connection),
      principals: principals(),
      keys: () => this.#keys.all,
      random,
    })
  }

  /** The XPUB endpoint as WELCOME tells it: peers know best how they reach this machine. */
  get streams(): string {
    return this.#bound.streams.replace(/^tcp:\/\/.*:(\d+)$/, 'tcp://*:$1')
  }

  get nextKey(): string | undefined {
    return this.#keys.next?.publicKey
  }

  /** Whoever has this key was told the next one, if there is one. */
  told(key: string): void {
    if (this.nextKey !== undefined) this.#told.add(key)
  }

  toldNext(key: string): boolean {
    return this.#told.has(key)
  }

  info(): DoorInfo {
    const key = this.#keys.current.publicKey
    const { advertised } = this.#options
    const next_key = this.nextKey ?? ''
    return { ...this.#bound, advertised, key, fingerprint: fingerprint(key), next_key }
  }

  /** With the last step all connections end, and come back under the next key. Rejects with WRONG_STEP or BAD_CONFIG. */
  rotate(step: RotationStep): Promise<void> {
    return this.#inTurn(async () => {
      this.#keys[step]()
      this.#told.clear()
      if (step !== 'finish' || this.#state !== 'open') return
      this.#stopListening()
      await this.#listen()
    })
  }

  /** The transport opened or closed a connection. */
  notified(connection: string): void {
    const key = this.#keyOf(connection)
    if (key !== undefined) this.#pipes.notified(connection, key)
  }

  /** Whether it has pretended to be gone. Nothing of it is heard, and its key does not come back for a while. */
  hasFeignedEnd(connection: string): boolean {
    if (!this.#pipes.hasClosed(connection)) return false
    const key = this.#keyOf(connection)
    if (key !== undefined) this.#rates.bar(key, this.#options.now() + BARRED_MS)
    return true
  }

  #keyOf(connection: string): string | undefined {
    return this.#ids.keyOf(routingIdOf(connection))
  }

  /** It sends messages without end: all connections go, and its key does not come back for a while. */
  expel(connection: string): void {
    const key = this.#keyOf(connection)
    this.#guard.flooded('frames')
    if (key !== undefined) this.#rates.bar(key, this.#options.now() + BARRED_MS)
  }

  /** Shuts or opens the door when it has to be. */
  look(load: Load): void {
    const step = this.#guard.look(load, this.#options.now())
    if (!step) return
    this.#options.notes.moved(step, load)
    this.#inTurn(() => this.#take(step)).catch((error: unknown) =>
      this.#options.router.failed(error),
    )
  }

  async #take({ step }: GuardStep): Promise<void> {
    if (this.#state === 'closed') return
    if (step === 'shut') {
      this.#state = 'shut'
      this.#options.left()
      await this.#leave()
      this.#pipes.clear()
      // All files may still be open, which is why it was shut.
      this.#router = await whenFree(() => this.#newRouter())
      this.#publisher = await whenFree(() => this.#newPublisher())
    } else {
      await this.#listen()
      this.#state = 'open'
    }
  }

  #stopListening(): void {
    this.#router.unbind(this.#bound.endpoint)
    this.#publisher.unbind(this.#bound.streams)
  }

  async #listen(): Promise<void> {
    const { secretKey } = this.#keys.current
    await this.#router.succeed(this.#bound.endpoint, secretKey)
    await this.#publisher.succeed(this.#bound.streams, secretKey)
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#moving.then(work, work)
    this.#moving = done
    return done
  }

  #decide(key: string, address: string): ZapAnswer {
    const { principals, now, notes } = this.#options
    const answer = this.#answer(principals().statusOf(key), key, now())
    notes.decided(answer, key, address)
    return answer
  }

  #answer(status: KeyStatus, key: string, now: number): ZapAnswer {
    if (status === 'revoked') return 'never'
    if (status === 'unknown') return 'later'
    if (this.#pipes.countOf(key) >= this.#options.maxConnectionsOfKey) return 'busy'
    return this.#rates.take(key, now) ? 'accept' : 'busy'
  }
}
