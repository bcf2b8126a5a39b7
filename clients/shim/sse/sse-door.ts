/** `/sessions/ID/stream` in the HTTP door: replay, then live, as server-sent events or over WebSocket. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { WebSocketServer } from 'ws'
import { type Actor, ProtocolError } from '../../sdk/index.ts'
import { actorFor } from '../actor-for.ts'
import type { Door, DoorContext } from '../door.ts'
import { Admission } from './admission.ts'
import { STREAM_LIMITS } from './limits.ts'
import type { LiveStream } from './live-stream.ts'
import { pump } from './pump.ts'
import { SseStream } from './sse-stream.ts'
import { isStreamPath, streamWish } from './stream-path.ts'
import { findStream, type Refusal, rawAnswer, refusal } from './stream-request.ts'
import { WsStream } from './ws-stream.ts'

export function sseDoor(context: DoorContext): Door {
  return new SseDoor(context)
}

/** What a client was found to want. */
interface Found {
  /** Who reads it. */
  readonly actor: Actor
  readonly session: string
  readonly from: number
  readonly until: 'complete' | 'never'
}

class SseDoor implements Door {
  readonly name = 'sse'
  /** It stands in the HTTP door. */
  readonly addresses: readonly string[] = []
  readonly #context: DoorContext
  readonly #admission: Admission
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: STREAM_LIMITS.maxMessageBytes,
    perMessageDeflate: false,
  })
  readonly #streams = new Map<LiveStream, Promise<void>>()
  readonly #stop = new AbortController()
  /** Requests that are looked up. */
  #opening = 0
  #stopTicks: () => void = () => undefined

  constructor(context: DoorContext) {
    this.#context = context
    this.#admission = new Admission(context.settings, context.wall)
  }

  async start(): Promise<void> {
    const { http, every } = this.#context
    http.addRoutes((app) => {
      app.get('/sessions/:session/stream', (request, reply) => {
        reply.hijack()
        this.#serve(request.raw, reply.raw).catch((error) => this.#failed(error))
      })
      // The HTTP door closes before this one, and would wait for streams that never end.
      app.addHook('preClose', () => this.#endAll())
    })
    http.addUpgrade((request, socket, head) => {
      if (!isStreamPath(request.url)) return false
      this.#upgrade(request, socket, head).catch((error) => this.#failed(error))
      return true
    })
    this.#stopTicks = every(STREAM_LIMITS.tickMs, () => {
      for (const stream of this.#streams.keys()) stream.tick()
    })
  }

  async stop(): Promise<void> {
    this.#stopTicks()
    await this.#endAll()
  }

  async #endAll(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#streams.values())
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const found = await this.#find(request)
    if ('status' in found) {
      response.writeHead(found.status, { 'content-type': 'application/json' }).end(found.body)
    } else {
      request.socket.setTimeout(0) // a silent stream is no idle connection
      this.#run(new SseStream(response, this.#context.now, request.headers.origin), found)
    }
  }

  async #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const destroy = () => socket.destroy()
    socket.on('error', destroy)
    const found = await this.#find(request)
    socket.off('error', destroy)
    if ('status' in found) socket.end(rawAnswer(found))
    else {
      this.#sockets.handleUpgrade(request, socket, head, (ws) =>
        this.#run(new WsStream(ws, this.#context.now), found),
      )
    }
  }

  async #find(request: IncomingMessage): Promise<Found | Refusal> {
    const { client, settings } = this.#context
    this.#opening += 1
    try {
      if (this.#opening + this.#streams.size > settings.sse_streams) {
        throw new ProtocolError('OVERLOADED', { what: 'streams of the HTTP door' })
      }
      const admitted = await this.#admission.admit(request)
      if ('status' in admitted) return admitted
      const actor = actorFor(client, admitted.user)
      const lastEventId = request.headers['last-event-id']
      const wish = streamWish(request.url ?? '', String(lastEventId ?? ''))
      const session = await findStream(actor, wish, this.#stop.signal)
      return session === undefined ? NO_CONTENT : { ...wish, session, actor }
    } catch (thrown) {
      return refusal(thrown)
    } finally {
      this.#opening -= 1
    }
  }

  #run(stream: LiveStream, found: Found): void {
    const disconnected = this.#context.metrics.connected()
    const run = this.#stream(stream, found).finally(() => {
      this.#streams.delete(stream)
      disconnected()
    })
    this.#streams.set(stream, run)
  }

  /** Never rejects: what goes wrong is told to the client. */
  async #stream(stream: LiveStream, { actor, session, from, until }: Found): Promise<void> {
    const { pause, log } = this.#context
    const signal = AbortSignal.any([stream.gone, this.#stop.signal])
    try {
      const items = actor.follow(session, { from, until, signal })
      const end = await pump({ items, sink: stream, signal, pause })
      if (end === 'stalled') {
        log.warn({ session }, 'a client took nothing of its stream for too long')
        stream.cut()
      } else stream.end()
    } catch (thrown) {
      const { code, message } = ProtocolError.from(thrown, 'client')
      if (signal.aborted || code === 'CONNECTION_CLOSED') stream.end()
      else stream.fail(code, message)
    }
  }

  #failed(err: unknown): void {
    this.#context.log.error({ err }, 'a stream could not begin')
  }
}

/** To a browser it says that coming again is of no use. */
const NO_CONTENT: Refusal = { status: 204, body: '' }
