/** Bundles from ZeroMQ sockets at a real broker: any frames, before and after HELLO. It lives, and serves others. */
import { Dealer } from 'zeromq'
import { encodeBundle } from '../../../protocol/bundle.ts'
import { encode } from '../../../protocol/codec.ts'
import type { Case } from '../case.ts'
import type { Random } from '../random.ts'
import { RealBroker } from '../real-broker.ts'
import { Shapes } from '../shapes.ts'
import type { Subject, Target } from '../target.ts'
import { makeFrames } from './bundle.ts'
import { requestFrames } from './core-steps.ts'

/** Sockets at the same time, and messages that each sends in its life. */
const SOCKETS = 8
const MESSAGES_EACH = 64
const LOOK_EVERY = 1024

const HELLO = encodeBundle([
  {
    head: { kind: 'HELLO' },
    body: encode({
      ...{
        major: 1,
        minor: 0,
        features: [],
        role: 'admin',
        principal: 'local',
        software: 'fuzzed',
      },
    }),
  },
])

/** Pieces: whether it says HELLO before (1 byte), then the frames of one message. */
export function dealerTarget(seed: number): Target {
  const shapes = new Shapes(seed)
  return {
    name: 'dealer',
    about: 'bundles over a real ROUTER: the broker lives, bounded, and serves others',
    lifetime: 50_000,
    parallel: SOCKETS,
    isReal: true,
    generate: (random) => [Buffer.of(random.below(4)), ...frames(shapes, random)],
    open: async () => new Stage(await RealBroker.start()),
  }
}

function frames(shapes: Shapes, random: Random): Case {
  return random.chance(0.6) ? makeFrames(shapes, random) : requestFrames(shapes, {}, random)
}

class Stage implements Subject {
  readonly #broker: RealBroker
  readonly #sockets: Sender[] = []
  #cases = 0

  constructor(broker: RealBroker) {
    this.#broker = broker
  }

  async run([how, ...message]: Case): Promise<void> {
    this.#broker.checkAlive()
    this.#cases += 1
    const isLook = this.#cases % LOOK_EVERY === 0
    const sender = this.#sender(this.#cases % SOCKETS)
    if (how?.[0] === 0) await sender.send([HELLO.heads, HELLO.bodies])
    if (message.length > 0) await sender.send(message)
    if (isLook) await this.#broker.checkOthers()
  }

  #sender(index: number): Sender {
    const known = this.#sockets[index]
    if (known && known.sent < MESSAGES_EACH) return known
    known?.close()
    const fresh = new Sender(`ipc://${this.#broker.socket('broker')}`)
    this.#sockets[index] = fresh
    return fresh
  }

  async end(): Promise<void> {
    for (const socket of this.#sockets) socket?.close()
    try {
      await this.#broker.checkOthers()
    } finally {
      await this.#broker.end()
    }
  }
}

/** Reads whatever comes back, as a peer does. */
class Sender {
  readonly #socket = new Dealer({ linger: 0, sendTimeout: 5000, sendHighWaterMark: 64 })
  #turn: Promise<void> = Promise.resolve()
  sent = 0

  constructor(endpoint: string) {
    this.#socket.connect(endpoint)
    this.#read().catch(() => undefined) // it was closed
  }

  /** zeromq.js refuses a second send while one is under way. */
  send(message: readonly Buffer[]): Promise<void> {
    this.sent += 1
    this.#turn = this.#turn.then(() => this.#socket.send([...message])).catch(() => undefined)
    return this.#turn
  }

  async #read(): Promise<void> {
    for await (const _ of this.#socket);
  }

  close(): void {
    this.#socket.close()
  }
}
