/**
 * The door for other machines: sockets that take nothing but CURVE, the handler that says which keys may
 * connect, and the change of the broker's own key. A broker that listens to no network has none.
 */
import type { RandomBytes } from '../../protocol/ids.ts'
import { fingerprint } from '../../protocol/keys/key-pair.ts'
import type { Verdict } from '../../protocol/link/broker-link.ts'
import type { HelloBody } from '../../protocol/messages/handshake.ts'
import type { DoorInfo } from '../../protocol/methods/key.ts'
import type { RotationStep } from '../core/access.ts'
import type { Knockers } from '../core/knockers.ts'
import type { Principals } from '../core/principals.ts'
import { type RouterPort, RouterSocket } from '../router-socket.ts'
import type { StreamsSocket } from '../streams-socket.ts'
import { type ZapAnswer, ZapSocket } from '../zap-socket.ts'
import { authenticateRemote } from './authenticator.ts'
import { BrokerKeys } from './broker-keys.ts'

export interface NetworkDoorOptions {
  /** ROUTER endpoint, tcp. */
  readonly endpoint: string
  /** XPUB endpoint, tcp. */
  readonly streams: string
  /** Endpoint as other machines reach it; empty = not said. */
  readonly advertised: string
  readonly keyFile: string
  readonly random: RandomBytes
  readonly wall: () => number
  readonly principals: () => Principals
  readonly knockers: () => Knockers
  readonly publisher: StreamsSocket
  readonly router: RouterPort
}

export class NetworkDoor {
  readonly #options: NetworkDoorOptions
  readonly #keys: BrokerKeys
  readonly #zap: ZapSocket
  readonly router: RouterSocket
  #bound: { readonly endpoint: string; readonly streams: string }
  /** Keys of those that were told the next key. */
  readonly #told = new Set<string>()

  /** Reads or makes the key of the broker. Throws BAD_CONFIG. */
  constructor(options: NetworkDoorOptions) {
    this.#options = options
    const { endpoint, streams } = options
    this.#bound = { endpoint, streams }
    this.#keys = new BrokerKeys(options.keyFile, options.random)
    this.router = new RouterSocket(options.router, 'network')
    this.#zap = new ZapSocket({
      decide: (key, address) => this.#decide(key, address),
      failed: (error) => options.router.failed(error),
    })
  }

  /** First the handler: without it libzmq would take every key. */
  async bind(): Promise<void> {
    const { secretKey } = this.#keys.current
    const { endpoint, streams, publisher } = this.#options
    await this.#zap.bind()
    const router = await this.router.bind(endpoint, secretKey)
    this.#bound = { endpoint: router.endpoint, streams: await publisher.bind(streams, secretKey) }
  }

  /** The handler last: nobody gets in while it is gone. */
  async close(): Promise<void> {
    await this.router.close()
    await this.#zap.close()
  }

  authenticate(hello: HelloBody): Verdict {
    const { principals, random } = this.#options
    return authenticateRemote(hello, {
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

  /** Throws WRONG_STEP or BAD_CONFIG. */
  async rotate(step: RotationStep): Promise<void> {
    this.#keys[step]()
    this.#told.clear()
    if (step === 'finish') await this.#rebind(this.#keys.current.secretKey)
  }

  /** A door that cannot be opened again is for the next life of the broker to open, under the new key. */
  async #rebind(secretKey: string): Promise<void> {
    try {
      await this.router.rebind(this.#bound.endpoint, secretKey)
      await this.#options.publisher.rebind(this.#bound.streams, secretKey)
    } catch (error) {
      this.#options.router.failed(error)
      throw error
    }
  }

  #decide(key: string, address: string): ZapAnswer {
    const { principals, knockers, wall } = this.#options
    const status = principals().statusOf(key)
    if (status === 'active') return 'accept'
    if (status === 'revoked') return 'never'
    knockers().knocked(key, address, wall())
    return 'later'
  }
}
