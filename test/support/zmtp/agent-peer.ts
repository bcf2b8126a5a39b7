/** A peer that speaks agentmq on a hand-written ZMTP session: heads and bodies, honest or not. */
import { decodeBundle, encodeBundle, type Message } from '../../../protocol/bundle.ts'
import { decodeBody, decodeTrusted, EMPTY, encode } from '../../../protocol/codec.ts'
import type { KeyPair } from '../../../protocol/keys/key-pair.ts'
import { proofOf } from '../../../protocol/keys/proof.ts'
import { ErrorBody } from '../../../protocol/messages/calls.ts'
import { ChallengeBody, type HelloBody, WelcomeBody } from '../../../protocol/messages/handshake.ts'
import type { Head } from '../../../protocol/messages/index.ts'
import { PROTOCOL_MAJOR, PROTOCOL_MINOR } from '../../../protocol/version.ts'
import { PATIENCE_MS } from './connection.ts'
import type { Session } from './session.ts'

export interface Said {
  readonly kind: string
  readonly head: Head
  readonly body: Buffer
}

const IDLE = { loop_lag_ms: 0, in_flight: 0, progress_age_ms: -1 } as const

export class AgentPeer {
  readonly session: Session
  readonly #waiting: Message[] = []

  constructor(session: Session) {
    this.session = session
  }

  /** All in one bundle. */
  say(...messages: readonly { readonly head: Head; readonly body?: unknown }[]): void {
    const { heads, bodies } = encodeBundle(
      messages.map(({ head, body }) => ({ head, body: body === undefined ? EMPTY : encode(body) })),
    )
    this.session.send([heads, bodies])
  }

  /** The next message that is no heartbeat, those are answered; undefined when the broker has hung up. */
  async hear(): Promise<Said | undefined> {
    const until = performance.now() + PATIENCE_MS
    for (;;) {
      if (performance.now() > until) throw new Error('nothing but heartbeats')
      const message = this.#waiting.shift()
      if (message && message.head.kind !== 'PING') {
        return { ...message, kind: message.head.kind }
      }
      if (message?.head.kind === 'PING') {
        this.say({ head: { kind: 'PONG', id: message.head.id, ...IDLE } })
        continue
      }
      const frames = await this.session.receive()
      if (!frames) return undefined
      for (const entry of decodeBundle(frames)) if (entry.ok) this.#waiting.push(entry.message)
    }
  }

  /** Waits for a message of this kind and passes over others. Throws when the broker hangs up before. */
  async hearKind(kind: string): Promise<Said> {
    for (;;) {
      const said = await this.hear()
      if (!said) throw new Error(`closed before ${kind}`)
      if (said.kind === kind) return said
    }
  }

  /** The code of the next ERROR or GOODBYE. */
  async refusal(): Promise<string> {
    for (;;) {
      const said = await this.hear()
      if (!said) return 'closed'
      if (said.kind === 'ERROR') return decodeBody(ErrorBody, said.body).code
      if (said.kind === 'GOODBYE' || said.kind === 'WELCOME') return said.kind
    }
  }

  hello(body: HelloBody): void {
    this.say({ head: { kind: 'HELLO' }, body })
  }

  async challenge(): Promise<Buffer> {
    const { body } = await this.hearKind('CHALLENGE')
    return decodeBody(ChallengeBody, body).nonce as Buffer
  }

  prove(nonce: Buffer, mac: Buffer): void {
    this.say({ head: { kind: 'PROOF' }, body: { nonce, mac } })
  }

  /** The whole handshake as an honest peer. Throws the code of a refusal. */
  async greet(
    own: KeyPair,
    brokerKey: string,
    claims: Partial<HelloBody> = {},
  ): Promise<WelcomeBody> {
    const hello = helloOf({ key: own.publicKey, ...claims })
    this.hello(hello)
    const nonce = await this.challenge()
    this.prove(nonce, macOf(own, brokerKey, nonce, hello))
    const answer = await this.hear()
    if (answer?.kind === 'WELCOME') return decodeBody(WelcomeBody, answer.body)
    throw new Error(answer?.kind === 'ERROR' ? decodeBody(ErrorBody, answer.body).code : 'closed')
  }

  request(id: string, method: string, params: unknown, more: Partial<RequestFields> = {}): void {
    this.say(requestOf(id, method, params, more))
  }

  /** What a request ends with: its result, the code of its error, or how the connection ended. */
  async call(
    id: string,
    method: string,
    params: unknown,
    more: Partial<RequestFields> = {},
  ): Promise<unknown> {
    this.request(id, method, params, more)
    for (;;) {
      const said = await this.hear()
      if (!said) return 'closed'
      if (said.kind === 'GOODBYE') return 'GOODBYE'
      if (!('id' in said.head) || said.head.id !== id) continue
      if (said.kind === 'ERROR') return decodeBody(ErrorBody, said.body).code
      if (said.kind === 'REPLY') return decodeTrusted(said.body)
    }
  }
}

interface RequestFields {
  readonly target: string
  readonly key: string
  readonly user: string
}

export function requestOf(
  id: string,
  method: string,
  params: unknown,
  more: Partial<RequestFields> = {},
) {
  const head: Head = {
    kind: 'REQUEST',
    id,
    method,
    target: '',
    remaining_ms: 0,
    key: '',
    trace: '',
    ...more,
  }
  return { head, body: params }
}

export function helloOf(claims: Partial<HelloBody>): HelloBody {
  return {
    major: PROTOCOL_MAJOR,
    minor: PROTOCOL_MINOR,
    features: [],
    role: 'admin',
    principal: '',
    software: 'attacker',
    ...claims,
  }
}

/** What the owner of a key answers to a challenge. */
export function macOf(own: KeyPair, brokerKey: string, nonce: Buffer, hello: HelloBody): Buffer {
  const keys = { secretKey: own.secretKey, theirKey: brokerKey, brokerKey }
  return proofOf(keys, nonce, { ...hello, key: hello.key ?? own.publicKey })
}
