/**
 * Raw bytes at the sockets of a real broker: broken greetings, forged metadata, lengths that lie, commands
 * where none belong, connections left half-open. The broker lives, and others are served as ever.
 */
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import type { Case } from '../case.ts'
import { RealBroker } from '../real-broker.ts'
import { Shapes } from '../shapes.ts'
import type { Subject, Target } from '../target.ts'
import { zmtpPieces } from './zmtp-bytes.ts'

const SOCKETS = ['broker', 'streams'] as const
/** What a connection does when it has said everything: goes, says that it is done, or stays. */
const ENDINGS = ['go', 'half-close', 'stay'] as const
/** How long the broker may take to answer or to hang up, ms: what is wrong shows later as well. */
const LISTEN_MS = 5
/** Connections that stay open at the same time. */
const MAX_OPEN = 200
const LOOK_EVERY = 512

/** Pieces: the socket and the ending (1 byte each), then what is written at a time. */
export function zmtpTarget(seed: number): Target {
  const shapes = new Shapes(seed)
  return {
    name: 'zmtp',
    about: 'raw bytes at ROUTER and XPUB of a real broker: it lives, bounded, and serves others',
    lifetime: 20_000,
    parallel: 32,
    isReal: true,
    generate: (random) => {
      const socket = random.below(SOCKETS.length)
      const first = Buffer.of(socket, random.below(ENDINGS.length))
      return [first, ...zmtpPieces(shapes, SOCKETS[socket] === 'streams', random)]
    },
    open: async () => new Stage(await RealBroker.start()),
  }
}

class Stage implements Subject {
  readonly #broker: RealBroker
  readonly #open = new Set<Socket>()
  #cases = 0

  constructor(broker: RealBroker) {
    this.#broker = broker
  }

  async run([how, ...pieces]: Case): Promise<void> {
    this.#broker.checkAlive()
    this.#cases += 1
    const isLook = this.#cases % LOOK_EVERY === 0
    const socket = SOCKETS[(how?.[0] ?? 0) % SOCKETS.length] ?? 'broker'
    const ending = ENDINGS[(how?.[1] ?? 0) % ENDINGS.length] ?? 'go'
    await this.#speak(this.#broker.socket(socket), pieces, ending)
    if (isLook) await this.#broker.checkOthers()
  }

  async #speak(path: string, pieces: Case, ending: (typeof ENDINGS)[number]): Promise<void> {
    const socket = connect({ path, allowHalfOpen: true })
    const closed = new Promise<void>((resolve) => {
      socket.once('close', () => resolve())
    })
    socket.on('error', () => socket.destroy()) // it hung up: that is an answer as well
    socket.on('end', () => socket.destroy())
    socket.resume()
    for (const piece of pieces) {
      if (socket.destroyed) break
      await new Promise<void>((resolve) => {
        socket.write(piece, () => resolve())
      })
    }
    if (ending === 'half-close') socket.end()
    await Promise.race([closed, delay(LISTEN_MS)])
    if (ending !== 'stay') socket.destroy()
    else this.#keep(socket)
  }

  /** Open connections must cost nobody else anything; the oldest goes when there are many. */
  #keep(socket: Socket): void {
    this.#open.add(socket)
    socket.once('close', () => this.#open.delete(socket))
    const [oldest] = this.#open
    if (this.#open.size > MAX_OPEN) oldest?.destroy()
  }

  async end(): Promise<void> {
    try {
      await this.#broker.checkOthers()
    } finally {
      for (const socket of this.#open) socket.destroy()
      await this.#broker.end()
    }
  }
}
