/** What a peer with little right and much time sends, from a seed: nearly right, wrong, and none at all. */
import { ROLES } from '../../protocol/messages/handshake.ts'
import type { Head } from '../../protocol/messages/index.ts'
import { BROKER_METHODS, PARAMS } from '../support/method-params.ts'
import { seededRandom } from '../support/virtual-clock.ts'
import { helloOf } from '../support/zmtp/agent-peer.ts'

/** What the attacker has heard of: ids, names, tickets. */
export type Hearsay = readonly string[]

export type Case =
  | { readonly type: 'messages'; readonly messages: readonly { head: Head; body: unknown }[] }
  | { readonly type: 'frames'; readonly frames: readonly Buffer[] }
  | { readonly type: 'command'; readonly name: string; readonly data: Buffer }
  | { readonly type: 'subscription'; readonly frames: readonly Buffer[] }

const JUNK: readonly unknown[] = [
  ...[
    '',
    '@events',
    '@audit',
    '@',
    '*',
    '../..',
    '__proto__',
    'constructor',
    '\0',
    'x'.repeat(300),
  ],
  ...[0, -1, 1, 2 ** 53, Number.NaN, 1e308, true, false, null],
  ...[[], {}, [[]], { __proto__: 1 }, Buffer.alloc(3), Buffer.alloc(4000, 'x')],
]

export class Cases {
  readonly #random: () => number
  readonly #hearsay: Hearsay
  #count = 0

  constructor(seed: number, hearsay: Hearsay) {
    this.#random = seededRandom(seed)
    this.#hearsay = hearsay
  }

  next(): Case {
    this.#count += 1
    const lot = this.#random()
    if (lot < 0.7) return { type: 'messages', messages: this.#some(4, () => this.#request()) }
    if (lot < 0.84) return { type: 'messages', messages: this.#some(4, () => this.#other()) }
    if (lot < 0.85) return { type: 'messages', messages: [this.#greeting()] }
    if (lot < 0.95) return { type: 'subscription', frames: this.#subscription() }
    if (lot < 0.98) return { type: 'frames', frames: this.#some(3, () => this.#bytes()) }
    return {
      type: 'command',
      name: this.#one(['PING', 'PONG', 'SUBSCRIBE', 'X']),
      data: this.#bytes(),
    }
  }

  #request() {
    const method = this.#one([...BROKER_METHODS, 'agent.start', 'agent.kill', 'session', ''])
    const known = BROKER_METHODS.find((name) => name === method)
    const params = known ? PARAMS[known](this.#word()) : {}
    const head: Head = {
      kind: 'REQUEST',
      id: `${this.#count}-${Math.floor(this.#random() * 1e9)}`,
      method,
      target: this.#odds(0.2) ? this.#word() : '',
      remaining_ms: this.#odds(0.1) ? Math.floor(this.#random() * 1e6) : 0,
      key: this.#odds(0.5) ? this.#word() : '',
      trace: '',
      ...(this.#odds(0.2) && { user: this.#word() || 'local' }),
    }
    return { head, body: this.#odds(0.6) ? this.#twisted(params) : params }
  }

  /** Messages of every other kind, among them a handshake anew. */
  #other(): { head: Head; body: unknown } {
    const word = this.#word()
    const heads: readonly Head[] = [
      { kind: 'CANCEL', id: word },
      { kind: 'REPLY', id: word },
      { kind: 'ERROR', id: word },
      { kind: 'ACCEPTED', id: word },
      {
        kind: 'APPEND',
        session: word,
        epoch: this.#small(),
        sequence: this.#small(),
        turn: 0,
        type: 2,
      },
      { kind: 'APPENDED', session: word, epoch: 1, sequence: 1 },
      { kind: 'CREDIT', bytes: 1 + this.#small() },
      { kind: 'CHUNK', session: word, sequence: this.#small(), time: 1, turn: 0, type: 2 },
      { kind: 'HEAD', session: word, sequence: this.#small() },
      { kind: 'MOVED', ticket: word.slice(0, 64) },
      { kind: 'NEXT_KEY', key: word.slice(0, 64) },
      { kind: 'WELCOME' },
      { kind: 'CHALLENGE' },
      { kind: 'PROOF' },
    ]
    const body = { nonce: this.#bytes(), mac: this.#bytes(), content: word, roles: ['admin'] }
    return { head: this.#one(heads), body: this.#odds(0.5) ? body : this.#one(JUNK) }
  }

  #greeting(): { head: Head; body: unknown } {
    const claims = {
      principal: this.#word().slice(0, 200),
      key: this.#word().padEnd(40, '0').slice(0, 40),
    }
    return { head: { kind: 'HELLO' }, body: helloOf({ ...claims, role: this.#one(ROLES) }) }
  }

  #subscription(): Buffer[] {
    const what = this.#odds(0.7) ? Buffer.from(this.#word()) : this.#bytes()
    const sign = this.#odds(0.8) ? Buffer.of(this.#odds(0.8) ? 1 : 0) : Buffer.alloc(0)
    const frame = Buffer.concat([sign, what.subarray(0, 400)])
    return this.#odds(0.9) ? [frame] : [frame, frame]
  }

  /** The same with some value in another's place, or one more. */
  #twisted(params: object): unknown {
    if (this.#odds(0.1)) return this.#one(JUNK)
    const entries = Object.entries(params)
    const names = [
      ...entries.map(([name]) => name),
      'session',
      'host',
      'principal',
      'roles',
      'limit',
    ]
    const value = this.#odds(0.6) ? this.#word() : this.#one(JUNK)
    return Object.fromEntries([...entries, [this.#one(names), value]])
  }

  #word(): string {
    const word = this.#one([...this.#hearsay, '', '@events', '@audit', '*', 'local'])
    return this.#odds(0.15) ? word.slice(0, Math.floor(this.#random() * word.length)) : word
  }

  #bytes(): Buffer {
    return Buffer.from(
      Array.from({ length: Math.floor(this.#random() * 200) }, () => this.#small()),
    )
  }

  #small(): number {
    return Math.floor(this.#random() * 256)
  }

  #odds(share: number): boolean {
    return this.#random() < share
  }

  #one<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random() * list.length)] as T
  }

  #some<T>(most: number, make: () => T): T[] {
    return Array.from({ length: 1 + Math.floor(this.#random() * most) }, make)
  }
}
