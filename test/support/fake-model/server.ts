/**
 * A fake model on a loopback port: finds the route, keeps a bounded record of what was asked, and
 * closes its sockets for real. What it answers is the script's business, how is the wire API's.
 */

import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { anthropic } from './anthropic.ts'
import { Exchange, type RecordedRequest } from './exchange.ts'
import { gemini } from './gemini.ts'
import { parseObject } from './json.ts'
import { openaiChat } from './openai-chat.ts'
import { responses } from './responses.ts'
import { Script } from './script.ts'
import type { Route, WireApi } from './wire.ts'

const WIRES: readonly WireApi[] = [anthropic, openaiChat, gemini, responses]

export interface FakeModelOptions {
  /** Requests remembered; older ones are forgotten. */
  readonly keep?: number
  /** Time between the words of `@@slow`. */
  readonly pauseMs?: number
  /** Largest request body taken. */
  readonly maxBodyBytes?: number
}

const DEFAULTS = {
  keep: 200, // a whole suite of turns with one CLI
  pauseMs: 100, // slow enough to interrupt between two words
  maxBodyBytes: 32 * 2 ** 20, // the real API's limit
} satisfies Required<FakeModelOptions>

interface Waiter {
  readonly matches: (request: RecordedRequest) => boolean
  readonly resolve: (request: RecordedRequest) => void
}

/** The whole body as text, or undefined when it is larger than allowed. */
async function readBody(request: IncomingMessage, maxBytes: number): Promise<string | undefined> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length
    if (size <= maxBytes) parts.push(part)
  }
  return size <= maxBytes ? Buffer.concat(parts).toString('utf8') : undefined
}

export class FakeModel {
  readonly #options: Required<FakeModelOptions>
  readonly #script = new Script()
  readonly #stopped = new AbortController()
  readonly #requests: RecordedRequest[] = []
  readonly #waiters = new Set<Waiter>()
  readonly #server: Server
  #url: string | undefined
  #stopping: Promise<void> | undefined

  constructor(options: FakeModelOptions = {}) {
    this.#options = { ...DEFAULTS, ...options }
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy())
    })
  }

  /** Listens on a free loopback port; resolves with the base URL. */
  async start(): Promise<string> {
    this.#server.listen({ host: '127.0.0.1', port: 0 })
    await once(this.#server, 'listening')
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('no port was bound')
    this.#url = `http://127.0.0.1:${address.port}`
    return this.#url
  }

  /** Ends every reply and closes every socket. Idempotent. */
  stop(): Promise<void> {
    this.#stopping ??= new Promise((resolve) => {
      this.#stopped.abort()
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
    return this.#stopping
  }

  get url(): string {
    if (this.#url === undefined) throw new Error('the fake model is not started')
    return this.#url
  }

  /** The newest requests, oldest first. */
  get requests(): readonly RecordedRequest[] {
    return this.#requests
  }

  /** The first request that matches, among those on record or yet to come. */
  request(matches: (request: RecordedRequest) => boolean): Promise<RecordedRequest> {
    const known = this.#requests.find(matches)
    if (known !== undefined) return Promise.resolve(known)
    return new Promise((resolve) => this.#waiters.add({ matches, resolve }))
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const source = await readBody(request, this.#options.maxBodyBytes)
    const exchange = new Exchange(request, response, {
      body: parseObject(source ?? '') ?? {},
      stopped: this.#stopped.signal,
      pauseMs: this.#options.pauseMs,
    })
    // The answer takes its notes before it first waits, so the record is complete for who waits on it.
    const answered = this.#answer(exchange, source)
    this.#record(exchange)
    await answered
  }

  async #answer(exchange: Exchange, source: string | undefined): Promise<void> {
    const refuse = (status: number, message: string): void =>
      exchange.json(status, { type: 'error', error: { type: 'invalid_request_error', message } })
    if (source === undefined) return refuse(413, 'the body is too large')
    const route = this.#route(exchange)
    if (route === undefined) return refuse(404, `no route ${exchange.method} ${exchange.path}`)
    if (route.method === 'POST' && parseObject(source) === undefined) {
      return refuse(400, 'the body is not a JSON object')
    }
    await route.handle(exchange, this.#script)
  }

  #route({ method, path }: Exchange): Route | undefined {
    return WIRES.flatMap((wire) => wire.routes).find(
      (route) => route.method === method && route.path.test(path),
    )
  }

  #record(request: RecordedRequest): void {
    this.#requests.push(request)
    if (this.#requests.length > this.#options.keep) this.#requests.shift()
    for (const waiter of [...this.#waiters].filter(({ matches }) => matches(request))) {
      this.#waiters.delete(waiter)
      waiter.resolve(request)
    }
  }
}
