/**
 * The ZAP handler (ZeroMQ RFC 27): which CURVE keys may open a connection at all. One for the process, bound
 * before any socket of the network; when it ends, the broker ends. Whom a key belongs to is proven later.
 */
import { setImmediate as others } from 'node:timers/promises'
import * as zmq from 'zeromq'
import { KEY_BYTES, z85Encode } from '../protocol/keys/z85.ts'
import { ZAP_DOMAIN } from './curve.ts'
import type { KeyAnswer } from './metrics/outcomes.ts'
import { Turn } from './turn.ts'

const ENDPOINT = 'inproc://zeromq.zap.01'

/**
 * accept: 200; later and busy: 300, the peer dials again, so that it gets in once it is known, or connects less
 * often; never: 400, libzmq of the peer gives up.
 */
export type ZapAnswer = KeyAnswer

const REPLIES: Readonly<Record<ZapAnswer, readonly [code: string, text: string]>> = {
  accept: ['200', 'OK'],
  later: ['300', 'this key is not known here'],
  busy: ['300', 'this key connects too often'],
  never: ['400', 'this key is refused'],
}

export interface ZapPort {
  /** `key` is a public key, Z85. */
  decide(key: string, address: string): ZapAnswer
  failed(error: unknown): void
}

export class ZapSocket {
  readonly #port: ZapPort
  readonly #socket = new zmq.Router({ linger: 0 })
  readonly #turn = new Turn()
  #loop: Promise<void> = Promise.resolve()

  constructor(port: ZapPort) {
    this.#port = port
  }

  async bind(): Promise<void> {
    await this.#socket.bind(ENDPOINT)
    this.#loop = this.#serve()
  }

  async close(): Promise<void> {
    this.#socket.close()
    await this.#loop
  }

  async #serve(): Promise<void> {
    try {
      for await (const frames of this.#socket) {
        const since = performance.now()
        await this.#answer(frames)
        if (this.#turn.isOver(performance.now() - since)) await others()
      }
    } catch (error) {
      if (!this.#socket.closed) this.#port.failed(error)
    }
  }

  /** Frames: route, empty, version, request id, domain, address, identity, mechanism, credentials. */
  async #answer(frames: readonly Buffer[]): Promise<void> {
    const [route, empty, version, request, domain, address, , mechanism, ...credentials] = frames
    if (!route || !empty || !version || !request) return
    const isCurve = domain?.toString() === ZAP_DOMAIN && mechanism?.toString() === 'CURVE'
    const answer = isCurve ? this.#decide(credentials[0], address?.toString() ?? '') : 'never'
    const [code, text] = REPLIES[answer]
    await this.#socket.send([route, empty, version, request, code, text, '', ''])
  }

  #decide(key: Buffer | undefined, address: string): ZapAnswer {
    if (key?.length !== KEY_BYTES) return 'never'
    return this.#port.decide(z85Encode(key), address)
  }
}
