/** One connection as frames both ways. Who does not read what it is sent is cut off. */
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { encodeFrame, type Frame, FrameReader, MAX_FRAME_BYTES } from './frames.ts'

/** How long a client may leave its pipe full, ms. */
export const SLOW_MS = 30_000
/** Time for a client to read the last frames, ms. */
export const END_MS = 5000
/** Bytes that wait for a client in this process; the file of the socket holds some more. */
export const MAX_WAITING_BYTES = 16_777_216

export class FrameLink {
  readonly #socket: Socket
  readonly #reader = new FrameReader()
  readonly #pieces: AsyncIterator<Buffer>
  readonly #ready: Frame[] = []
  readonly #slow: (ms: number, signal: AbortSignal) => Promise<void>

  /** `slow`: waits; rejects when the signal aborts. */
  constructor(socket: Socket, slow: (ms: number, signal: AbortSignal) => Promise<void>) {
    this.#socket = socket
    this.#slow = slow
    this.#pieces = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>
    socket.on('error', () => socket.destroy())
  }

  /** It is known who this is: frames may be as large as the protocol allows. */
  trust(): void {
    this.#reader.limit = MAX_FRAME_BYTES
  }

  /** The next frame; undefined at the end. Rejects with BadFrame. */
  async next(): Promise<Frame | undefined> {
    for (;;) {
      const frame = this.#ready.shift()
      if (frame) return frame
      const piece = await this.#pieces.next().catch(() => undefined)
      if (!piece || piece.done === true) return undefined
      this.#ready.push(...this.#reader.take(piece.value))
    }
  }

  /** Resolves when there is room for more; never rejects. */
  async send(frame: Frame): Promise<void> {
    if (this.#socket.destroyed || this.#socket.writableEnded) return
    if (this.#socket.writableLength > MAX_WAITING_BYTES) return this.cut()
    if (!this.#socket.write(encodeFrame(frame))) await this.#drained()
  }

  async #drained(): Promise<void> {
    const over = new AbortController()
    const { signal } = over
    // An error of the socket ends the wait as well: what is sent then goes nowhere.
    const drained = Promise.race([
      once(this.#socket, 'drain', { signal }),
      once(this.#socket, 'close', { signal }),
    ]).catch(ignore)
    const late = this.#slow(SLOW_MS, signal).then(() => true, ignore)
    if ((await Promise.race([drained, late])) === true) this.cut()
    over.abort()
  }

  /** What was sent goes out first, as far as the client reads it soon. */
  end(): void {
    if (this.#socket.destroyed) return
    const closed = new AbortController()
    this.#socket.once('close', () => closed.abort()).end()
    this.#slow(END_MS, closed.signal).then(() => this.cut(), ignore)
  }

  cut(): void {
    this.#socket.destroy()
  }
}

function ignore(): void {}
