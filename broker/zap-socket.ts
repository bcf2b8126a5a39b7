/**
 * The ZAP handler (ZeroMQ RFC 27): which CURVE keys may open a connection at all, and the id by which ROUTER
 * knows it then. One for the process, bound before any socket of the network; when it ends, the broker ends.
 */
import { setImmediate as others } from 'node:timers/promises'
import * as zmq from 'zeromq'
import { KEY_BYTES, z85Encode } from '../protocol/keys/z85.ts'
import { ZAP_DOMAIN } from './curve.ts'
import { FenceSocket } from './fence-socket.ts'
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
  /** The routing id of a connection under this key that is accepted. */
  nameOf(key: string): Buffer
  failed(error: unknown): void
}

type Reply = (Buffer | string)[]

export class ZapSocket {
  readonly #port: ZapPort
  readonly #socket = new zmq.Router({ linger: 0 })
  readonly #turn = new Turn()
  readonly #fence = new FenceSocket()
  #loop: Promise<void> = Promise.resolve()
  /** Replies that wait for the fence; what comes while one passes waits for the next. */
  #waiting: Reply[] = []
  #isPassing = false

  constructor(port: ZapPort) {
    this.#port = port
  }

  async bind(): Promise<void> {
    await this.#socket.bind(ENDPOINT)
    this.#loop = this.#serve()
  }

  async close(): Promise<void> {
    this.#socket.close()
    this.#fence.close()
    await this.#loop
  }

  async #serve(): Promise<void> {
    try {
      for await (const frames of this.#socket) {
        const since = performance.now()
        this.#take(frames)
        if (this.#turn.isOver(frames.length, performance.now() - since)) await others()
      }
    } catch (error) {
      this.#failed(error)
    }
  }

  #take(frames: readonly Buffer[]): void {
    const reply = this.#replyTo(frames)
    if (!reply) return
    this.#waiting.push(reply)
    if (this.#isPassing) return
    this.#isPassing = true
    this.#release().catch((error: unknown) => this.#failed(error))
  }

  /**
   * libzmq reads what the peer says of itself right after it has asked here. An answer that it finds before
   * that would be overwritten by the peer, its routing id too, so no answer leaves before the fence.
   */
  async #release(): Promise<void> {
    while (this.#waiting.length > 0) {
      const replies = this.#waiting
      this.#waiting = []
      await this.#fence.pass()
      for (const reply of replies) await this.#socket.send(reply)
    }
    this.#isPassing = false
  }

  /** Frames: route, empty, version, request id, domain, address, identity, mechanism, credentials. */
  #replyTo(frames: readonly Buffer[]): Reply | undefined {
    const [route, empty, version, request, domain, address, , mechanism, ...credentials] = frames
    if (!route || !empty || !version || !request) return undefined
    const isCurve = domain?.toString() === ZAP_DOMAIN && mechanism?.toString() === 'CURVE'
    const key = isCurve ? keyOf(credentials) : undefined
    const answer = key === undefined ? 'never' : this.#port.decide(key, address?.toString() ?? '')
    const named = answer === 'accept' && key !== undefined
    const metadata = named ? property('Identity', this.#port.nameOf(key)) : ''
    const [code, text] = REPLIES[answer]
    return [route, empty, version, request, code, text, '', metadata]
  }

  #failed(error: unknown): void {
    if (!this.#socket.closed) this.#port.failed(error)
  }
}

function keyOf([key]: readonly Buffer[]): string | undefined {
  return key?.length === KEY_BYTES ? z85Encode(key) : undefined
}

/** As in ZMTP. What the handler says of a peer counts, and not what the peer says. */
function property(name: string, value: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(value.length)
  return Buffer.concat([Buffer.of(name.length), Buffer.from(name), length, value])
}
