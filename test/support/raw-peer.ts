/**
 * A peer of the network that is nobody's library: it shakes hands once, asks what it is told to ask, and never
 * leaves a stream or greets again, whatever the broker says.
 */
import { randomBytes } from 'node:crypto'
import type { Test } from 'tap'
import { Dealer, XSubscriber } from 'zeromq'
import { decodeBundle, encodeBundle, type Message } from '../../protocol/bundle.ts'
import { decodeBody, encode } from '../../protocol/codec.ts'
import { reachable } from '../../protocol/endpoints.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { KeyRing } from '../../protocol/keys/key-ring.ts'
import { credentialsOf, curveOptions, type PeerKeys } from '../../protocol/keys/peer-keys.ts'
import { ErrorBody } from '../../protocol/messages/calls.ts'
import { ChallengeBody, type Role, WelcomeBody } from '../../protocol/messages/handshake.ts'
import type { Head } from '../../protocol/messages/index.ts'
import {
  type BrokerMethod,
  METHODS,
  type Params,
  type Result,
} from '../../protocol/methods/index.ts'
import { ownKeys } from '../../protocol/process/key-file.ts'
import { FEATURES, PROTOCOL_MAJOR, PROTOCOL_MINOR } from '../../protocol/version.ts'
import type { RemotePeer } from './remote-peers.ts'

export class RawPeer {
  readonly #keys: PeerKeys
  readonly #dealer: Dealer
  readonly #streams: XSubscriber
  readonly #endpoint: string
  #requests = 0

  private constructor(t: Test, { keyFile, place }: RemotePeer) {
    const { endpoint = '', brokerKey = '' } = place
    this.#endpoint = endpoint
    this.#keys = { own: ownKeys(keyFile, randomBytes), ring: new KeyRing([brokerKey]) }
    this.#dealer = new Dealer({ linger: 0, ...curveOptions(this.#keys) })
    this.#streams = new XSubscriber({ linger: 0, ...curveOptions(this.#keys) })
    t.teardown(() => {
      this.#dealer.close()
      this.#streams.close()
    })
  }

  /** Resolves when the broker has said WELCOME. */
  static async connect(t: Test, peer: RemotePeer, role: Role): Promise<RawPeer> {
    const raw = new RawPeer(t, peer)
    raw.#dealer.connect(raw.#endpoint)
    await raw.#greet(role)
    return raw
  }

  async #greet(role: Role): Promise<void> {
    const { key, prove } = credentialsOf(this.#keys)
    const version = { major: PROTOCOL_MAJOR, minor: PROTOCOL_MINOR, features: [...FEATURES] }
    const hello = { ...version, role, principal: '', software: 'raw', key }
    await this.#send({ kind: 'HELLO' }, encode(hello))
    const { nonce } = decodeBody(ChallengeBody, (await this.#next('CHALLENGE')).body)
    if (!Buffer.isBuffer(nonce)) throw new Error('a challenge without a nonce')
    await this.#send({ kind: 'PROOF' }, encode({ nonce, mac: prove(nonce, hello) }))
    const { streams } = decodeBody(WelcomeBody, (await this.#next('WELCOME')).body)
    this.#streams.connect(reachable(streams, this.#endpoint))
  }

  /** Rejects with what the broker says. */
  async call<M extends BrokerMethod>(
    method: M,
    params: Params<M>,
    more: { readonly user?: string } = {},
  ): Promise<Result<M>> {
    this.#requests += 1
    const id = `q${this.#requests}`
    const rest = { method, target: '', remaining_ms: 0, key: '', trace: '', ...more }
    await this.#send({ kind: 'REQUEST', id, ...rest }, encode(params))
    for (;;) {
      const { head, body } = await this.#next('REPLY', 'ERROR')
      if (!('id' in head) || head.id !== id) continue
      if (head.kind === 'REPLY') return decodeBody(METHODS[method].result, body) as Result<M>
      throw ProtocolError.fromWire(decodeBody(ErrorBody, body))
    }
  }

  /** Sends any ticket, whoever it was given to. */
  async subscribe(ticket: string): Promise<void> {
    await this.#streams.send(Buffer.concat([Buffer.of(1), Buffer.from(ticket)]))
  }

  /** The next message of a stream that its pipe still hears. */
  async heard(): Promise<Message> {
    const [, ...frames] = await this.#streams.receive()
    const [entry] = decodeBundle(frames)
    if (entry?.ok) return entry.message
    throw new Error('a stream that cannot be read')
  }

  async #send(head: Head, body: Buffer): Promise<void> {
    const { heads, bodies } = encodeBundle([{ head, body }])
    await this.#dealer.send([heads, bodies])
  }

  /** Answers nothing but PING, so that it stays. */
  async #next(...kinds: readonly Head['kind'][]): Promise<Message> {
    for (;;) {
      for (const entry of decodeBundle(await this.#dealer.receive())) {
        if (entry.ok && kinds.includes(entry.message.head.kind)) return entry.message
      }
    }
  }
}
