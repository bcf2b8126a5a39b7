/** One stream over WebSocket: each item is one text message. */
import { WebSocket } from 'ws'
import type { StreamItem } from '../../sdk/index.ts'
import { STREAM_LIMITS } from './limits.ts'
import type { LiveStream } from './live-stream.ts'
import { itemJson } from './stream-text.ts'

/** Of RFC 6455. */
const CLOSE = { normal: 1000, failed: 1011 } as const

export class WsStream implements LiveStream {
  readonly #socket: WebSocket
  readonly #now: () => number
  readonly #gone = new AbortController()
  #heardAt: number
  #pingAt: number

  constructor(socket: WebSocket, now: () => number) {
    this.#socket = socket
    this.#now = now
    this.#heardAt = now()
    this.#pingAt = now() + STREAM_LIMITS.pingMs
    socket.on('pong', () => {
      this.#heardAt = now()
    })
    socket.on('error', () => this.#gone.abort())
    socket.on('close', () => this.#gone.abort())
  }

  get gone(): AbortSignal {
    return this.#gone.signal
  }

  write(item: StreamItem): Promise<void> | undefined {
    const json = itemJson(item)
    if (this.#socket.bufferedAmount < STREAM_LIMITS.highWaterBytes) {
      this.#socket.send(json)
      return undefined
    }
    // A message that failed has no reader any more, which `gone` tells.
    return new Promise((resolve) => this.#socket.send(json, () => resolve()))
  }

  tick(): void {
    const now = this.#now()
    if (now - this.#heardAt > STREAM_LIMITS.deadMs) this.cut()
    else if (now >= this.#pingAt && this.#socket.readyState === WebSocket.OPEN) {
      this.#pingAt = now + STREAM_LIMITS.pingMs
      this.#socket.ping()
    }
  }

  fail(code: string, message: string): void {
    // The reason of a close has room for 123 bytes.
    this.#socket.close(
      CLOSE.failed,
      Buffer.from(`${code}: ${message}`).subarray(0, 120).toString('latin1'),
    )
  }

  end(): void {
    this.#socket.close(CLOSE.normal)
  }

  cut(): void {
    this.#socket.terminate()
  }
}
