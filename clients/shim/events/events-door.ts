/** The WebSocket door: what happens, told to old event clients, on a port of its own and on that of HTTP. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Duplex } from 'node:stream'
import { type WebSocket, WebSocketServer } from 'ws'
import type { StreamItem } from '../../sdk/index.ts'
import { actorFor } from '../actor-for.ts'
import { openAlias } from '../alias.ts'
import { bindError } from '../bind-error.ts'
import type { Door, DoorContext } from '../door.ts'
import { EventWatch } from '../event-watch.ts'
import type { Admitted } from '../http/auth.ts'
import { pageRefusal } from '../http/page-guard.ts'
import { Admission } from '../sse/admission.ts'
import { isStreamPath } from '../sse/stream-path.ts'
import { type Refusal, rawAnswer, refusal } from '../sse/stream-request.ts'
import { EventClient } from './event-client.ts'
import { descartesEvents } from './from-native.ts'
import { EVENTS_LIMITS } from './limits.ts'
import { UserWatch } from './user-watch.ts'

export function eventsDoor(context: DoorContext): Door {
  return new EventsDoor(context)
}

interface Connected {
  readonly client: EventClient
  /** It is a user, who hears for itself. */
  readonly hasOwnWatch: boolean
}

class EventsDoor implements Door {
  readonly name = 'events'
  readonly #context: DoorContext
  readonly #admission: Admission
  readonly #watch: EventWatch
  readonly #clients = new Map<WebSocket, Connected>()
  readonly #sockets = new WebSocketServer({
    noServer: true,
    maxPayload: EVENTS_LIMITS.maxMessageBytes,
    perMessageDeflate: false, // a memory per connection that small messages do not pay for
  })
  readonly #addresses: string[] = []
  readonly #servers: Server[] = []
  #stopTicks: () => void = () => undefined

  constructor(context: DoorContext) {
    this.#context = context
    this.#admission = new Admission(context.settings, context.wall)
    this.#watch = new EventWatch({
      client: context.client,
      pause: context.pause,
      heard: (item) => this.#tell(item),
      trouble: ({ code, message }) =>
        context.log.warn({ code, reason: message }, 'events cannot be followed; trying again'),
    })
  }

  get addresses(): readonly string[] {
    return this.#addresses
  }

  async start(): Promise<void> {
    await this.#watch.begin()
    this.#watch.run()
    const { ws_port, ws_alias_port } = this.#context.settings
    await this.#listen(ws_port)
    // The HTTP door closes before this one, and would wait for those that came through it.
    this.#context.http.addRoutes((app) => app.addHook('preClose', () => this.#closeClients()))
    this.#context.http.addUpgrade((request, socket, head) => {
      if (this.#context.settings.sse && isStreamPath(request.url)) return false
      this.#admit(request, socket, head).catch((err) => socket.destroy(err))
      return true
    })
    this.#stopTicks = this.#context.every(EVENTS_LIMITS.tickMs, () => this.#tick())
    if (ws_alias_port === undefined) return
    await openAlias(this.#context, () => this.#listen(ws_alias_port))
  }

  async stop(): Promise<void> {
    this.#stopTicks()
    await this.#watch.stop()
    const closing = this.#servers.map((server) => closed(server))
    await this.#closeClients()
    for (const server of this.#servers) server.closeAllConnections()
    await Promise.all(closing)
  }

  async #closeClients(): Promise<void> {
    const waiting = new AbortController()
    const left = [...this.#clients.keys()].map((socket) => {
      const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()))
      socket.close(GOING_AWAY, 'the shim ends')
      return gone
    })
    const patience = this.#context
      .pause(EVENTS_LIMITS.closeMs, waiting.signal)
      .catch(() => undefined)
    await Promise.race([Promise.all(left), patience])
    waiting.abort()
    for (const socket of this.#clients.keys()) socket.terminate()
  }

  async #listen(port: number): Promise<void> {
    const { ws_host: host, ws_connections, expose_ws } = this.#context.settings
    const server = createServer({ headersTimeout: EVENTS_LIMITS.handshakeMs }, (_, response) => {
      response.writeHead(426, { connection: 'close', upgrade: 'websocket' })
      response.end('This port speaks WebSocket.\n')
    })
    this.#servers.push(server)
    server.maxConnections = ws_connections
    server.on('error', (err) => this.#context.log.error({ err }, 'the WebSocket server failed'))
    server.on('upgrade', (request, socket, head) => {
      const refusal = pageRefusal(request, expose_ws)
      if (refusal === undefined) this.#upgrade(request, socket, head)
      else socket.end(rawAnswer({ status: 403, body: refusal }))
    })
    await new Promise<void>((resolve, reject) => {
      server.once('error', (cause) => reject(bindError(`ws://${host}:${port}`, cause)))
      server.listen({ host, port }, resolve)
    })
    const { address, port: actual, family } = server.address() as AddressInfo
    this.#addresses.push(`ws://${family === 'IPv6' ? `[${address}]` : address}:${actual}`)
  }

  /** On the port of HTTP only those come in whom HTTP lets in. */
  async #admit(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    const destroy = () => socket.destroy()
    socket.on('error', destroy)
    const admitted = await this.#admission.admit(request)
    const watch = 'status' in admitted ? admitted : await this.#watchFor(admitted)
    socket.off('error', destroy)
    if (watch && 'status' in watch) socket.end(rawAnswer(watch))
    else this.#upgrade(request, socket, head, watch)
  }

  /** A user hears what that user may hear; undefined = what the shim does. */
  async #watchFor({ user }: Admitted): Promise<UserWatch | Refusal | undefined> {
    if (user === undefined) return undefined
    const { client, pause } = this.#context
    const watch = new UserWatch(actorFor(client, user), pause)
    try {
      await watch.begin()
      return watch
    } catch (thrown) {
      return refusal(thrown)
    }
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, watch?: UserWatch): void {
    if (this.#clients.size >= this.#context.settings.ws_connections) {
      socket.end(rawAnswer({ status: 503, body: '' }))
      return
    }
    this.#sockets.handleUpgrade(request, socket, head, (ws) => this.#welcome(ws, watch))
  }

  #welcome(socket: WebSocket, watch: UserWatch | undefined): void {
    const { now, wall, uuid, log, metrics } = this.#context
    const disconnected = metrics.connected()
    const client = new EventClient({
      send: (text) => socket.send(text),
      ping: () => socket.ping(),
      buffered: () => socket.bufferedAmount,
      cut: (reason) => {
        log.warn({ reason }, 'an event client is cut off')
        socket.terminate()
      },
      now,
      wall,
      uuid,
    })
    this.#clients.set(socket, { client, hasOwnWatch: watch !== undefined })
    watch?.run({
      heard: (item) => tell([client], item),
      lost: () => socket.close(POLICY_VIOLATION, 'the user may not hear this any more'),
    })
    socket.on('message', (data, isBinary) => {
      if (isBinary || !Buffer.isBuffer(data)) client.heard()
      else client.message(data.toString())
    })
    socket.on('pong', () => client.heard())
    socket.on('error', ({ message }) => log.debug({ reason: message }, 'an event client failed'))
    socket.on('close', () => {
      this.#clients.delete(socket)
      void watch?.stop()
      disconnected()
    })
    client.tick() // the first Ping comes at once
  }

  #tell(item: StreamItem): void {
    const all = [...this.#clients.values()].filter(({ hasOwnWatch }) => !hasOwnWatch)
    tell(
      all.map(({ client }) => client),
      item,
    )
  }

  #tick(): void {
    for (const { client } of this.#clients.values()) client.tick()
  }
}

function tell(clients: readonly EventClient[], item: StreamItem): void {
  if (clients.length === 0 || item.type !== 'event') return
  for (const event of descartesEvents(item)) {
    const json = JSON.stringify(event, plain)
    for (const client of clients) client.event(event, json)
  }
}

/** Codes of RFC 6455. */
const GOING_AWAY = 1001
const POLICY_VIOLATION = 1008

/** What MessagePack can carry and JSON cannot becomes text. */
function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}
