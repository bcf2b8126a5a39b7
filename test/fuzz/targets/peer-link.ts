/** A peer's side of its connection (protocol/link/peer-link.ts), with a broker that says anything in any order. */
import { decodeBundle } from '../../../protocol/bundle.ts'
import { OUTBOX_LIMITS } from '../../../protocol/link/outbox.ts'
import {
  type LinkEvent,
  PEER_RETRY,
  PeerLink,
  SILENT_AFTER_MS,
} from '../../../protocol/link/peer-link.ts'
import { MESSAGES, type MessageKind } from '../../../protocol/messages/index.ts'
import { SAMPLES } from '../../conformance/golden.ts'
import type { Case } from '../case.ts'
import { Random } from '../random.ts'
import { Shapes } from '../shapes.ts'
import { must, type Target } from '../target.ts'
import { bundlePiece, FRAMES, framesIn, framesOf } from './link-steps.ts'

const STEP = {
  frames: FRAMES,
  /** Tenths of a second (1 byte). */
  tick: 1,
  send: 2,
  disconnected: 3,
  close: 4,
  /** The socket takes what waits. */
  drain: 5,
  welcome: 6,
  challenge: 7,
  /** So many bundles of pings (1 byte), of which the socket takes nothing. */
  flood: 8,
} as const

const USUAL = [STEP.tick, STEP.tick, STEP.send, STEP.disconnected, STEP.drain, STEP.drain]
const GOOD = [STEP.welcome, STEP.welcome, STEP.challenge]
const HANDSHAKE: readonly MessageKind[] = [
  'CHALLENGE',
  'WELCOME',
  'GOODBYE',
  'ERROR',
  'PING',
  'PONG',
]
const OTHERS = Object.keys(MESSAGES) as readonly MessageKind[]
const PINGS = framesOf(Array.from({ length: 1024 }, () => SAMPLES.PING))

/** Pieces: whether it has a key (1 byte), then steps. */
export function peerLinkTarget(seed: number): Target {
  const shapes = new Shapes(seed)
  return {
    name: 'peer-link',
    about: 'handshake of clients and hosts: nothing is believed before WELCOME or after the end',
    lifetime: 1000,
    generate: (random) => [
      Buffer.of(random.below(2)),
      ...Array.from({ length: 2 + random.size(30) }, () => step(shapes, random)),
    ],
    open: () => ({ run: play }),
  }
}

function step(shapes: Shapes, random: Random): Buffer {
  const kind = random.below(20)
  if (kind < 10) return bundlePiece(kind < 6 ? HANDSHAKE : OTHERS, shapes, random)
  if (kind === 10 && random.chance(0.2)) return Buffer.of(STEP.close)
  if (kind === 11 && random.chance(0.01)) return Buffer.of(STEP.flood, random.below(70))
  const what = random.pick(kind < 15 ? GOOD : USUAL)
  return Buffer.of(what, random.below(random.pick([2, 8, 80])))
}

function play([key, ...steps]: Case): void {
  const stage = new Stage((key?.[0] ?? 0) % 2 === 1)
  for (const piece of steps) stage.step(piece)
}

class Stage {
  readonly #link: PeerLink
  #now = 0
  #isWelcome = false
  #isOver = false

  constructor(hasKey: boolean) {
    const random = new Random(1)
    this.#link = new PeerLink({
      role: 'operator',
      principal: 'anna',
      software: 'fuzzed',
      silentAfterMs: SILENT_AFTER_MS,
      retry: PEER_RETRY,
      random: () => random.fraction(),
      health: () => ({ loop_lag_ms: 0, in_flight: 0, progress_age_ms: -1 }),
      onEvent: (event) => this.#event(event),
      onReady: () => undefined,
      ...(hasKey && { prove: (nonce: Buffer) => nonce.subarray(0, 32) }),
    })
    this.#link.start(0)
  }

  #event(event: LinkEvent): void {
    must(!this.#isOver, () => `${event.type} after the end`)
    if (event.type === 'welcomed') {
      must(!this.#isWelcome, 'welcomed twice')
      this.#isWelcome = true
    } else if (event.type === 'lost') {
      must(this.#isWelcome, 'what was never there is lost')
      this.#isWelcome = false
    } else if (event.type === 'refused') this.#isOver = true
    else if (event.type === 'message') must(this.#isWelcome, 'a message before WELCOME')
  }

  step(piece: Buffer): void {
    const [what, much = 0] = piece
    if (what === STEP.frames) this.#receive(framesIn(piece))
    else if (what === STEP.tick) this.#tick(much)
    else if (what === STEP.send) this.#send()
    else if (what === STEP.disconnected) this.#link.disconnected(this.#now)
    else if (what === STEP.close) this.#close()
    else if (what === STEP.drain) this.#drain()
    else if (what === STEP.welcome) this.#receive(framesOf([SAMPLES.WELCOME]))
    else if (what === STEP.challenge) this.#receive(framesOf([SAMPLES.CHALLENGE]))
    else if (what === STEP.flood) for (let left = much; left > 0; left -= 1) this.#receive(PINGS)
    this.#check()
  }

  #receive(frames: readonly Buffer[]): void {
    this.#link.receive(frames, this.#now)
  }

  #tick(tenths: number): void {
    this.#now += tenths * 100
    this.#link.tick(this.#now)
  }

  #send(): void {
    const took = this.#link.send({ kind: 'CANCEL', id: 'a' })
    must(
      took === (this.#link.state === 'welcome'),
      () => `it takes or refuses in ${this.#link.state}`,
    )
  }

  #close(): void {
    this.#link.close('the test says so')
    this.#isOver = true
  }

  /** What waits can be read by the broker. */
  #drain(): void {
    for (let next = this.#link.next(); next; next = this.#link.next()) {
      const entries = decodeBundle([next.heads, next.bodies])
      must(
        entries.every(({ ok }) => ok),
        'the broker cannot read what it is sent',
      )
    }
  }

  #check(): void {
    const { count, bytes } = this.#link.backlog
    const { maxMessages, maxBytes } = OUTBOX_LIMITS
    must(count <= maxMessages + 100 && bytes <= 2 * maxBytes, () => `${count} messages wait`)
    const isWelcome = this.#link.state === 'welcome'
    must(this.#isOver || isWelcome === this.#isWelcome, () => `it is not ${this.#link.state}`)
  }
}
