/**
 * One HTTP request and its reply, as the wire APIs see it: a parsed body, a signal that fires when the
 * client is gone, and writes that heed backpressure. Knows no API.
 */

import { once } from 'node:events'
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { JsonObject } from './json.ts'
import type { Situation } from './script.ts'

/** How a request ended: fully answered, cut by us, or left by the client. */
export type Outcome = 'answered' | 'dropped' | 'abandoned'

/** What an API found in a request; the server's record of it for tests to read. */
export interface Notes extends Situation {
  readonly model: string
  readonly stream: boolean
  readonly tools: readonly string[]
}

export interface RecordedRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: JsonObject
  /** Missing for routes without a scenario. */
  readonly notes: Notes | undefined
  /** Missing while nothing was answered. */
  readonly status: number | undefined
  /** Settles when the reply is over, one way or the other; never rejects. */
  readonly ended: Promise<Outcome>
}

export interface ExchangeOptions {
  readonly body: JsonObject
  /** Fires when the server stops. */
  readonly stopped: AbortSignal
  /** Time between two slow words. */
  readonly pauseMs: number
}

export class Exchange implements RecordedRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: JsonObject
  readonly ended: Promise<Outcome>
  /** Fires when nobody reads the reply any more. */
  readonly gone: AbortSignal
  notes: Notes | undefined
  readonly #response: ServerResponse
  readonly #pauseMs: number
  #dropped = false

  constructor(request: IncomingMessage, response: ServerResponse, options: ExchangeOptions) {
    this.method = request.method ?? ''
    this.path = (request.url ?? '').split('?')[0] ?? ''
    this.headers = request.headers
    this.body = options.body
    this.#response = response
    this.#pauseMs = options.pauseMs
    const closed = new AbortController()
    this.gone = AbortSignal.any([closed.signal, options.stopped])
    this.ended = new Promise((resolve) => {
      response.once('close', () => {
        closed.abort()
        resolve(this.#outcome())
      })
    })
  }

  get status(): number | undefined {
    return this.#response.headersSent ? this.#response.statusCode : undefined
  }

  json(status: number, value: unknown, headers: Readonly<Record<string, string>> = {}): void {
    this.#response.writeHead(status, { 'content-type': 'application/json', ...headers })
    this.#response.end(JSON.stringify(value))
  }

  openEvents(): void {
    const headers = { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' }
    this.#response.writeHead(200, headers)
  }

  /** Resolves once there is room for more. */
  async write(data: string): Promise<void> {
    this.gone.throwIfAborted()
    if (!this.#response.write(data)) await once(this.#response, 'drain', { signal: this.gone })
  }

  end(): void {
    this.#response.end()
  }

  async pause(): Promise<void> {
    await delay(this.#pauseMs, undefined, { signal: this.gone })
  }

  async untilGone(): Promise<never> {
    if (!this.gone.aborted) await once(this.gone, 'abort')
    throw this.gone.reason
  }

  /** Cuts the connection once what was written is on its way. */
  async drop(): Promise<void> {
    this.#dropped = true
    if (this.#response.headersSent) {
      await new Promise<void>((resolve) => this.#response.write('\n', () => resolve()))
    }
    this.#response.destroy()
  }

  #outcome(): Outcome {
    if (this.#dropped) return 'dropped'
    return this.#response.writableFinished ? 'answered' : 'abandoned'
  }
}
