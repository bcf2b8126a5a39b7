/** The limits of the wire, tried on the sockets of a real broker: what is at a limit is taken, one more is told. */
import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { decodeBundle, type Message } from '../../protocol/bundle.ts'
import { decodeBody, EMPTY, encode } from '../../protocol/codec.ts'
import { newKeyPair } from '../../protocol/keys/key-pair.ts'
import { KeyRing } from '../../protocol/keys/key-ring.ts'
import { MAX_FRAME_BYTES, WIRE_LIMITS } from '../../protocol/limits.ts'
import { LINK_LIMITS } from '../../protocol/link/broker-link.ts'
import { ErrorBody } from '../../protocol/messages/calls.ts'
import { GoodbyeBody } from '../../protocol/messages/handshake.ts'
import { PROTOCOL_MAJOR, PROTOCOL_MINOR } from '../../protocol/version.ts'
import { RawPeer, type RawPeerOptions } from '../floods/raw-peer-socket.ts'
import { LiveBroker } from '../support/live-broker.ts'

const { maxBodiesBytes, maxDepth, maxHeadsBytes, maxMessages, maxValues } = WIRE_LIMITS

/** A kind that nobody knows, and whoever does not know it skips. */
const SKIPPED = 0xff
const PING = 8
const HELLO = 1

type Side = 'local' | 'network'

async function placeOf(t: Test, side: Side): Promise<RawPeerOptions> {
  const broker = await LiveBroker.start(t, { listen: 'tcp://127.0.0.1:*' })
  if (side === 'local') return { endpoint: broker.endpoint }
  const admin = await broker.connect(t)
  const own = newKeyPair(randomBytes)
  await admin.call('key.add', { principal: 'anna', key: own.publicKey, roles: ['operator'] })
  const { door } = await admin.call('key.list', {})
  return { endpoint: door.endpoint, keys: { own, ring: new KeyRing([door.key]) } }
}

/** A peer that is welcome, and says what it hears. */
class Speaker {
  readonly peer: RawPeer
  readonly #heard: string[] = []
  #told: () => void = () => undefined
  #pings = 0

  private constructor(options: RawPeerOptions) {
    this.peer = new RawPeer(options)
    this.peer.onFrames((frames) => {
      for (const entry of decodeBundle(frames)) if (entry.ok) this.#hear(entry.message)
    })
  }

  static async connect(t: Test, options: RawPeerOptions): Promise<Speaker> {
    const speaker = new Speaker(options)
    t.teardown(() => speaker.peer.close())
    await speaker.peer.greet()
    speaker.#heard.length = 0
    return speaker
  }

  #hear({ head, body }: Message): void {
    if (head.kind === 'PING') return
    if (head.kind === 'ERROR') this.#heard.push(`ERROR ${decodeBody(ErrorBody, body).code}`)
    else if (head.kind === 'GOODBYE')
      this.#heard.push(`GOODBYE ${decodeBody(GoodbyeBody, body).code}`)
    else this.#heard.push(head.kind === 'PONG' ? `PONG ${head.id}` : head.kind)
    this.#told()
  }

  /** Sends the frames; all that was heard up to the answer to a PING behind them. */
  async answers(...messages: (readonly Buffer[])[]): Promise<string[]> {
    for (const frames of messages) await this.peer.frames(frames)
    this.#pings += 1
    const pong = `PONG ${this.#pings}`
    await this.peer.frames([encode([[PING, 0, this.#pings]]), EMPTY])
    await this.until(() => this.#heard.includes(pong))
    return this.#heard.splice(0).filter((one) => one !== pong)
  }

  forget(): void {
    this.#heard.length = 0
  }

  heard(what: string): Promise<void> {
    return this.until(() => this.#heard.includes(what))
  }

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await new Promise<void>((resolve) => {
        this.#told = resolve
      })
    }
  }
}

/** Heads of exactly so many bytes, of which nothing comes. */
function headsOf(bytes: number): Buffer {
  const text = (length: number) => encode([[SKIPPED, 0, 'x'.repeat(length)]])
  const heads = text(bytes - (text(70_000).length - 70_000))
  if (heads.length !== bytes) throw new Error(`${heads.length} bytes`)
  return heads
}

const bodiesOf = (bytes: number) => [encode([[SKIPPED, bytes]]), Buffer.alloc(bytes)]
const bundleOf = (count: number) => [
  encode(Array.from({ length: count }, () => [SKIPPED, 0])),
  EMPTY,
]

function helloWith({ keys }: RawPeerOptions, extra: unknown): Buffer[] {
  const body = encode({
    ...{ major: PROTOCOL_MAJOR, minor: PROTOCOL_MINOR, features: [], software: 'raw', extra },
    ...{ role: 'operator', principal: '', key: keys?.own.publicKey ?? '' },
  })
  return [encode([[HELLO, body.length]]), body]
}

function nested(depth: number): unknown {
  return depth === 0 ? 1 : [nested(depth - 1)]
}

/** HELLO without what is in `extra`: the map, seven keys and their values, and `extra` itself. */
const VALUES_OF_HELLO = 17

const sides: readonly Side[] = ['local', 'network']

for (const side of sides) {
  t.test(`${side}: frames, heads, bodies and messages of a bundle`, async (t) => {
    const speaker = await Speaker.connect(t, await placeOf(t, side))
    t.same(await speaker.answers([headsOf(maxHeadsBytes), EMPTY]), [])
    t.same(await speaker.answers([headsOf(maxHeadsBytes + 1), EMPTY]), ['ERROR TOO_LARGE'])
    t.same(await speaker.answers(bundleOf(maxMessages)), [])
    t.same(await speaker.answers(bundleOf(maxMessages + 1)), ['ERROR TOO_LARGE'])
    t.same(await speaker.answers(bodiesOf(maxBodiesBytes)), [])
    t.same(await speaker.answers(bodiesOf(maxBodiesBytes + 1)), ['ERROR TOO_LARGE'])
    t.same(await speaker.answers([EMPTY, EMPTY, EMPTY]), ['ERROR BAD_FRAME'])
    t.same(await speaker.answers([encode([])]), ['ERROR BAD_FRAME'])
  })

  t.test(`${side}: a frame that no bundle can have ends the connection`, async (t) => {
    const place = await placeOf(t, side)
    const speaker = await Speaker.connect(t, place)
    const { events } = speaker.peer.socket
    await speaker.peer.frames([EMPTY, Buffer.alloc(MAX_FRAME_BYTES + 1)])
    for await (const { type } of events) if (type === 'disconnect') break
    const next = await Speaker.connect(t, place)
    t.same(await next.answers(), [], 'and nothing else')
  })

  t.test(`${side}: nesting and values of a body`, async (t) => {
    const place = await placeOf(t, side)
    const speaker = await Speaker.connect(t, place)
    const many = (count: number) => Array.from({ length: count - VALUES_OF_HELLO }, () => 0)
    for (const extra of [nested(maxDepth), many(maxValues + 1)]) {
      t.same(await speaker.answers(helloWith(place, extra)), ['ERROR INVALID_MESSAGE'])
    }
    for (const extra of [nested(maxDepth - 1), many(maxValues)]) {
      await speaker.peer.frames(helloWith(place, extra))
      await speaker.heard(side === 'local' ? 'WELCOME' : 'CHALLENGE')
      speaker.forget()
    }
  })

  t.test(`${side}: who sends rubbish again and again is cut off, and others are not`, async (t) => {
    const place = await placeOf(t, side)
    const speaker = await Speaker.connect(t, place)
    const other = await Speaker.connect(t, place)
    const rubbish = () => [randomBytes(100), randomBytes(100)]
    for (let strike = 1; strike < LINK_LIMITS.maxStrikes; strike += 1) {
      t.same(await speaker.answers(rubbish()), ['ERROR BAD_FRAME'])
    }
    await speaker.peer.frames(rubbish())
    await speaker.heard('GOODBYE BAD_FRAME')
    t.same(await other.answers(), [])
  })
}
