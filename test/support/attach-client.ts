/** A client of an attach socket. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'
import {
  encodeFrame,
  type Frame,
  FrameReader,
  MAX_FRAME_BYTES,
} from '../../clients/shim/attach/frames.ts'

export type Payload = Readonly<Record<string, unknown>>

export class AttachClient {
  readonly socket: Socket
  readonly #reader = new FrameReader()
  readonly #pieces: AsyncIterator<Buffer>
  readonly #ready: Frame[] = []

  private constructor(socket: Socket) {
    this.socket = socket
    this.#reader.limit = MAX_FRAME_BYTES
    this.#pieces = socket[Symbol.asyncIterator]() as AsyncIterator<Buffer>
  }

  static async open(t: Test, path: string): Promise<AttachClient> {
    const socket = connect(path)
    t.teardown(() => socket.destroy())
    await once(socket, 'connect')
    return new AttachClient(socket)
  }

  send(type: string, payload: unknown, seq?: number): void {
    this.socket.write(encodeFrame({ type, payload, ...(seq !== undefined && { seq }) }))
  }

  /** Says who it is; the answer. */
  hello(token: string, more: Payload = {}): Promise<Payload> {
    this.send('handshake', { version: '1.0', token, client_type: 'claude-code', ...more })
    return this.next('handshake_response')
  }

  /** The payload of the next frame of this type; others are passed over. */
  async next(type: string): Promise<Payload> {
    for (;;) {
      const frame = await this.frame()
      if (!frame) throw new Error(`the connection ended before ${type}`)
      if (frame.type === type) return frame.payload as Payload
    }
  }

  /** Undefined at the end. */
  async frame(): Promise<Frame | undefined> {
    for (;;) {
      const frame = this.#ready.shift()
      if (frame) return frame
      const piece = await this.#pieces.next().catch(() => undefined)
      if (!piece || piece.done === true) return undefined
      this.#ready.push(...this.#reader.take(piece.value))
    }
  }

  /** Resolves when the server has ended it. */
  async ended(): Promise<void> {
    while (await this.frame());
  }
}
