/** The broker's side of a connection (protocol/link/broker-link.ts): no order of messages makes it believe too early. */
import { createHmac, timingSafeEqual } from 'node:crypto'
import { decodeBundle } from '../../../protocol/bundle.ts'
import { decodeBody, encode } from '../../../protocol/codec.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import {
  BrokerLink,
  type BrokerLinkEvent,
  type Identity,
  LINK_LIMITS,
  type Verdict,
} from '../../../protocol/link/broker-link.ts'
import { HEARTBEAT } from '../../../protocol/link/heartbeat.ts'
import { type HelloBody, WelcomeBody } from '../../../protocol/messages/handshake.ts'
import { type Head, MESSAGES, type MessageKind } from '../../../protocol/messages/index.ts'
import type { Case } from '../case.ts'
import type { Random } from '../random.ts'
import { Shapes } from '../shapes.ts'
import { must, type Target } from '../target.ts'
import { bundlePiece, FRAMES, framesIn, framesOf } from './link-steps.ts'

const STEP = {
  frames: FRAMES,
  /** Tenths of a second (1 byte). */
  tick: 1,
  /** The broker has something of so many KiB (1 byte) for this peer. */
  send: 2,
  disconnected: 3,
  goodbye: 4,
  cut: 5,
  /** The socket takes what waits. */
  drain: 6,
  /** HELLO as it should be. */
  hello: 7,
  /** The right answer to the newest challenge. */
  prove: 8,
  /** The right answer to the first challenge, again. */
  replay: 9,
  /** A wrong answer to the newest challenge. */
  guess: 10,
} as const

const RARE = [STEP.disconnected, STEP.goodbye, STEP.cut]
const USUAL = [STEP.tick, STEP.send, STEP.drain, STEP.hello, STEP.prove, STEP.replay, STEP.guess]
const HANDSHAKE: readonly MessageKind[] = ['HELLO', 'PROOF', 'GOODBYE', 'PING', 'PONG', 'CHALLENGE']
const OTHERS = Object.keys(MESSAGES) as readonly MessageKind[]
const VERDICTS = ['challenge', 'accept', 'refuse'] as const

const LIMITS = { maxBytes: 65_536, maxMessages: 64 }
/** What one push adds at most: a complaint, or what the broker itself sends in a step. */
const MAX_PUSH_BYTES = 256 * 1024
const KEY = Buffer.alloc(32, 9)
const IDENTITY: Identity = { principal: 'anna', roles: ['operator'] }
const HELLO = {
  major: 1,
  minor: 0,
  features: [],
  role: 'operator',
  principal: 'anna',
  software: '',
}

/** Pieces: the verdict (1 byte), then steps. */
export function brokerLinkTarget(seed: number): Target {
  const shapes = new Shapes(seed)
  return {
    name: 'broker-link',
    about: 'handshake of the broker: nothing is believed before WELCOME, and what waits is bounded',
    lifetime: 1000,
    generate: (random) => [
      Buffer.of(random.pick([0, 0, 0, 1, 2])),
      ...Array.from({ length: 2 + random.size(30) }, () => step(shapes, random)),
    ],
    open: () => ({ run: play }),
  }
}

function step(shapes: Shapes, random: Random): Buffer {
  const kind = random.below(20)
  if (kind < 10) return bundlePiece(kind < 6 ? HANDSHAKE : OTHERS, shapes, random)
  const what = kind === 10 ? random.pick(RARE) : random.pick(USUAL)
  return Buffer.of(what, random.below(random.pick([2, 8, 80])))
}

function play([verdict, ...steps]: Case): void {
  const stage = new Stage(VERDICTS[(verdict?.[0] ?? 0) % VERDICTS.length] ?? 'challenge')
  for (const piece of steps) stage.step(piece)
}

class Stage {
  readonly #verdict: (typeof VERDICTS)[number]
  readonly #link: BrokerLink
  readonly #nonces: Buffer[] = []
  /** Nonces that were answered rightly while they were the newest. */
  readonly #answered = new Set<Buffer>()
  #now = 0
  #isWelcome = false
  #wasWelcome = false
  #hasEnded = false

  constructor(verdict: (typeof VERDICTS)[number]) {
    this.#verdict = verdict
    this.#link = new BrokerLink(
      {
        heartbeat: HEARTBEAT,
        outbox: LIMITS,
        limits: LINK_LIMITS,
        onLimit: () => undefined,
        authenticate: (hello) => this.#authenticate(hello),
        welcome: () => ({
          ...{ credit: 1, epoch: 1, instance: 'i', software: 's', streams: 'x', resume: 'r' },
        }),
        health: () => ({ loop_lag_ms: 0, in_flight: 0, progress_age_ms: -1 }),
        onEvent: (event) => this.#event(event),
        onReady: () => undefined,
      },
      0,
    )
  }

  #authenticate({ principal }: HelloBody): Verdict {
    if (this.#verdict === 'accept') return { verdict: 'accept', identity: IDENTITY }
    if (this.#verdict === 'refuse') {
      return { verdict: 'refuse', error: new ProtocolError('UNAUTHENTICATED', { principal }) }
    }
    const nonce = Buffer.alloc(32, this.#nonces.length + 1)
    this.#nonces.push(nonce)
    return {
      verdict: 'challenge',
      nonce,
      verify: (mac) =>
        isMac(mac, nonce) ? IDENTITY : new ProtocolError('UNAUTHENTICATED', { principal }),
    }
  }

  #event(event: BrokerLinkEvent): void {
    must(!this.#hasEnded, () => `${event.type} after the end`)
    if (event.type === 'welcomed') this.#welcomed(event.identity)
    else if (event.type === 'ended') this.#hasEnded = true
    else if (event.type === 'unwelcome') this.#isWelcome = false
    else if (event.type === 'refused')
      must(this.#link.state.name !== 'welcome', 'refused and welcome')
    else {
      must(this.#link.state.name === 'welcome', () => `a message in ${this.#link.state.name}`)
      must(this.#isWelcome, 'a message before the handshake is over')
      must(event.identity === IDENTITY, 'a message of somebody else')
    }
  }

  #welcomed(identity: Identity): void {
    const newest = this.#nonces.at(-1)
    const isProven = this.#verdict === 'accept' || (newest && this.#answered.has(newest))
    must(isProven === true, 'somebody is welcome who has proven nothing')
    must(identity === IDENTITY, 'somebody is welcome as somebody else')
    this.#isWelcome = true
    this.#wasWelcome = true
  }

  step(piece: Buffer): void {
    const [what, much = 0] = piece
    if (what === STEP.frames) this.#receive(framesIn(piece))
    else if (what === STEP.tick) this.#tick(much)
    else if (what === STEP.send) this.#send(much)
    else if (what === STEP.disconnected) this.#link.disconnected()
    else if (what === STEP.goodbye) this.#link.goodbye(new ProtocolError('DRAINING', { part: 'x' }))
    else if (what === STEP.cut)
      this.#link.cut(new ProtocolError('OVERLOADED', { what: 'x', limit: 1 }))
    else if (what === STEP.drain) this.#drain()
    else if (what === STEP.hello) this.#say({ kind: 'HELLO' }, HELLO)
    else if (what === STEP.prove) this.#prove(this.#nonces.at(-1))
    else if (what === STEP.replay) this.#prove(this.#nonces[0])
    else if (what === STEP.guess) this.#guess()
    this.#check()
  }

  #receive(frames: readonly Buffer[]): void {
    this.#link.receive(frames, this.#now)
  }

  #tick(tenths: number): void {
    this.#now += tenths * 100
    this.#link.tick(this.#now)
  }

  #send(kib: number): void {
    this.#link.send({ kind: 'REPLY', id: 'a' }, Buffer.alloc(kib * 1024))
  }

  #say(head: Head, body: unknown): void {
    this.#receive(framesOf([{ head, body: encode(body) }]))
  }

  #prove(nonce: Buffer | undefined): void {
    if (!nonce) return
    if (nonce === this.#nonces.at(-1)) this.#answered.add(nonce)
    this.#say({ kind: 'PROOF' }, { nonce, mac: macOf(nonce) })
  }

  #guess(): void {
    this.#say({ kind: 'PROOF' }, { nonce: this.#nonces.at(-1) ?? '', mac: Buffer.alloc(32) })
  }

  /** What waits can be read by the peer. */
  #drain(): void {
    for (let next = this.#link.next(); next; next = this.#link.next()) {
      for (const entry of decodeBundle([next.heads, next.bodies])) {
        must(entry.ok, 'the peer cannot read what it is sent')
        const { head, body } = entry.message
        if (head.kind === 'WELCOME') decodeBody(WelcomeBody, body)
        must(this.#wasWelcome || head.kind !== 'WELCOME', 'WELCOME for somebody who is not')
      }
    }
  }

  #check(): void {
    const { backlogBytes, backlogCount, state } = this.#link
    must(backlogCount <= LIMITS.maxMessages + 1, () => `${backlogCount} messages wait`)
    must(backlogBytes <= LIMITS.maxBytes + MAX_PUSH_BYTES, () => `${backlogBytes} bytes wait`)
    must(this.#hasEnded === (state.name === 'cut'), () => `it has ended, or not, in ${state.name}`)
    if (state.name !== 'welcome') this.#isWelcome = false
  }
}

function macOf(nonce: Buffer): Buffer {
  return createHmac('sha256', KEY).update(nonce).digest()
}

function isMac(mac: Buffer, nonce: Buffer): boolean {
  return mac.length === 32 && timingSafeEqual(mac, macOf(nonce))
}
