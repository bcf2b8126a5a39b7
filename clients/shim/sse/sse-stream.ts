/** One stream as `text/event-stream`. */
import type { ServerResponse } from 'node:http'
import type { StreamItem } from '../../sdk/index.ts'
import { STREAM_LIMITS } from './limits.ts'
import type { LiveStream } from './live-stream.ts'
import { itemEvent } from './stream-text.ts'

export class SseStream implements LiveStream {
  readonly #response: ServerResponse
  readonly #now: () => number
  readonly #gone = new AbortController()
  #wroteAt: number

  /** Writes the headers. `origin`: of the page that may read it, which was let in before. */
  constructor(response: ServerResponse, now: () => number, origin?: string) {
    this.#response = response
    this.#now = now
    this.#wroteAt = now()
    response.on('close', () => this.#gone.abort())
    response.on('error', () => this.#gone.abort())
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store',
      'x-accel-buffering': 'no', // else nginx would keep it back
      ...(origin !== undefined && { 'access-control-allow-origin': origin, vary: 'origin' }),
    })
    response.write(`retry: ${STREAM_LIMITS.retryMs}\n\n`)
  }

  get gone(): AbortSignal {
    return this.#gone.signal
  }

  write(item: StreamItem): Promise<void> | undefined {
    this.#wroteAt = this.#now()
    if (this.#response.write(itemEvent(item))) return undefined
    return new Promise((resolve) => this.#response.once('drain', resolve))
  }

  tick(): void {
    const isFull = this.#response.writableNeedDrain || this.gone.aborted
    if (isFull || this.#now() - this.#wroteAt < STREAM_LIMITS.pingMs) return
    this.#wroteAt = this.#now()
    this.#response.write(':\n\n')
  }

  fail(code: string, message: string): void {
    this.#response.end(`event: failed\ndata: ${JSON.stringify({ code, message })}\n\n`)
  }

  end(): void {
    this.#response.end()
  }

  cut(): void {
    this.#response.destroy()
  }
}
