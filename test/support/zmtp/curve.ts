/**
 * The client of CURVE (ZeroMQ RFC 26), by hand: whoever holds a key can say anything inside it. Each step may
 * be replaced, so that a test can lie in it; what was sent can be sent again.
 */
import { randomBytes } from 'node:crypto'
import nacl from 'tweetnacl'
import type { KeyPair } from '../../../protocol/keys/key-pair.ts'
import { keyBytes } from '../../../protocol/keys/z85.ts'
import { ZmtpConnection } from './connection.ts'
import { gather, type Outcome, type Session } from './session.ts'
import {
  command,
  DEALER,
  type Frame,
  frame,
  type Properties,
  parsedCommand,
  properties,
} from './wire.ts'

export interface CurveOptions {
  /** Public key under which the server is expected to answer, Z85. */
  readonly serverKey: string
  readonly own: KeyPair
  readonly claims?: Properties
  readonly lies?: CurveLies
}

/** What a test puts in place of the honest step. */
export interface CurveLies {
  /** Short-term pair; default: a fresh one. */
  readonly transient?: nacl.BoxKeyPair
  /** HELLO as it was sent on another connection. */
  readonly hello?: Buffer
  /** INITIATE as it was sent on another connection. */
  readonly initiate?: Buffer
  /** The public key that is vouched for; default: the own one. */
  readonly claimedKey?: Buffer
  /** Sends nothing after WELCOME. */
  readonly stopsAfter?: 'HELLO' | 'WELCOME'
}

/** Commands that were sent, for a replay. */
export interface Sent {
  readonly hello: Buffer
  readonly initiate: Buffer
}

export type CurveOutcome =
  | { readonly type: 'ready'; readonly session: CurveSession }
  | Extract<Outcome, { readonly type: 'refused' }>
  | { readonly type: 'stopped'; readonly connection: ZmtpConnection }

export function raw(key: string): Buffer {
  const bytes = keyBytes(key)
  if (!bytes) throw new Error('no key')
  return bytes
}

export async function curveHandshake(
  endpoint: string,
  options: CurveOptions,
): Promise<CurveOutcome> {
  const connection = await ZmtpConnection.open(endpoint)
  const greeted = await connection.greet('CURVE')
  if (!greeted) return { type: 'refused', reason: 'closed' }
  return new Handshake(connection, options).run()
}

interface Shared {
  readonly server: Uint8Array
  readonly cookie: Uint8Array
  readonly secret: Uint8Array
}

class Handshake {
  readonly #connection: ZmtpConnection
  readonly #options: CurveOptions
  readonly #server: Buffer
  readonly #transient: nacl.BoxKeyPair

  constructor(connection: ZmtpConnection, options: CurveOptions) {
    this.#connection = connection
    this.#options = options
    this.#server = raw(options.serverKey)
    this.#transient = options.lies?.transient ?? nacl.box.keyPair()
  }

  async run(): Promise<CurveOutcome> {
    const { lies = {} } = this.#options
    const hello = lies.hello ?? this.#hello()
    this.#say(hello)
    if (lies.stopsAfter === 'HELLO') return { type: 'stopped', connection: this.#connection }
    const welcome = await this.#hear('WELCOME')
    if (typeof welcome === 'string') return { type: 'refused', reason: welcome }
    if (lies.stopsAfter === 'WELCOME') return { type: 'stopped', connection: this.#connection }
    const shared = this.#shared(welcome)
    const initiate = lies.initiate ?? this.#initiate(shared)
    this.#say(initiate)
    const ready = await this.#hear('READY')
    if (typeof ready === 'string') return { type: 'refused', reason: ready }
    return {
      type: 'ready',
      session: new CurveSession(this.#connection, shared.secret, { hello, initiate }),
    }
  }

  #hello(): Buffer {
    const shared = nacl.box.before(this.#server, this.#transient.secretKey)
    const box = nacl.box.after(new Uint8Array(64), nonce('CurveZMQHELLO---', counter(1)), shared)
    const data = [Buffer.of(1, 0), Buffer.alloc(72), this.#transient.publicKey, counter(1), box]
    return command('HELLO', Buffer.concat(data))
  }

  /** The server's short-term key, its cookie, and the secret of the connection. */
  #shared(welcome: Buffer): Shared {
    const opened = nacl.box.open(
      welcome.subarray(16),
      nonce('WELCOME-', welcome.subarray(0, 16)),
      this.#server,
      this.#transient.secretKey,
    )
    if (!opened) throw new Error('WELCOME cannot be opened')
    const server = opened.subarray(0, 32)
    const cookie = opened.subarray(32)
    return { server, cookie, secret: nacl.box.before(server, this.#transient.secretKey) }
  }

  #initiate({ server, cookie, secret }: Shared): Buffer {
    const { own, claims = DEALER, lies = {} } = this.#options
    const vouchNonce = randomBytes(16)
    const vouch = nacl.box(
      Buffer.concat([this.#transient.publicKey, this.#server]),
      nonce('VOUCH---', vouchNonce),
      server,
      raw(own.secretKey),
    )
    const claimed = lies.claimedKey ?? raw(own.publicKey)
    const text = Buffer.concat([claimed, vouchNonce, vouch, properties(claims)])
    const box = nacl.box.after(text, nonce('CurveZMQINITIATE', counter(2)), secret)
    return command('INITIATE', Buffer.concat([cookie, counter(2), box]))
  }

  #say(body: Buffer): void {
    this.#connection.write(frame(body, { isCommand: true }))
  }

  /** The data of the command that is waited for, or what came in its place. */
  async #hear(wanted: string): Promise<Buffer | string> {
    const answer = await this.#connection.read()
    if (!answer) return 'closed'
    const { name, data } = parsedCommand(answer.body)
    return name === wanted ? data : `${name} ${data.toString('latin1', 1)}`
  }
}

/** Messages within CURVE. */
export class CurveSession implements Session {
  readonly connection: ZmtpConnection
  readonly #secret: Uint8Array
  /** What opened it. */
  readonly handshake: Sent
  /** Hears what is in each frame that comes. */
  onFrame: (body: Buffer) => void = () => {}
  /** Of the next message; a test may set it back. */
  nextNonce = 3

  constructor(connection: ZmtpConnection, secret: Uint8Array, handshake: Sent) {
    this.connection = connection
    this.#secret = secret
    this.handshake = handshake
  }

  send(frames: readonly Uint8Array[]): void {
    const parts = frames.map((body, at) => this.sealed(body, at < frames.length - 1 ? 1 : 0))
    this.connection.write(Buffer.concat(parts))
  }

  command(name: string, data?: Uint8Array): void {
    this.connection.write(this.sealed(command(name, data), 2))
  }

  /** One frame as bytes of the wire; `flags`: 1 = more follows, 2 = a command. */
  sealed(body: Uint8Array, flags: number): Buffer {
    const count = counter(this.nextNonce)
    this.nextNonce += 1
    const text = Buffer.concat([Buffer.of(flags), body])
    const box = nacl.box.after(text, nonce('CurveZMQMESSAGEC', count), this.#secret)
    return frame(command('MESSAGE', Buffer.concat([count, box])))
  }

  receive(): Promise<readonly Buffer[] | undefined> {
    return gather(
      () => this.#read(),
      (data) => this.command('PONG', data),
    )
  }

  async #read(): Promise<Frame | undefined> {
    const outer = await this.connection.read()
    if (!outer) return undefined
    const { data } = parsedCommand(outer.body)
    const count = data.subarray(0, 8)
    const text = nacl.box.open.after(
      data.subarray(8),
      nonce('CurveZMQMESSAGES', count),
      this.#secret,
    )
    if (!text) throw new Error('a message cannot be opened')
    const [flags = 0] = text
    this.onFrame(Buffer.from(text.subarray(1)))
    return {
      hasMore: (flags & 1) !== 0,
      isCommand: (flags & 2) !== 0,
      body: Buffer.from(text.subarray(1)),
    }
  }
}

function counter(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

/** 24 bytes: a text that says where it is used, and what makes it unique there. */
function nonce(prefix: string, rest: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(prefix, 'latin1'), rest])
}
