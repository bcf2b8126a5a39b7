/** The HTTP server: what is answered to which request, and the limits that no client can pass. */
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify'
import type { DoorContext } from '../door.ts'
import type { HeldBytes } from '../held-bytes.ts'
import { errorReply } from '../legacy/reply.ts'
import { infoDocument, openRpcDocument } from './info.ts'
import { pageRefusal } from './page-guard.ts'
import type { HttpRpc } from './rpc.ts'
import { serveWithoutUpgrade, wantsWebSocket } from './unwanted-upgrade.ts'

/** Over all ports of the door. */
export interface HttpLoad {
  connections: number
  inFlight: number
  readonly held: HeldBytes
}

/** How often the server looks for connections that are too slow, ms. */
const LOOK_MS = 500

export function makeServer(context: DoorContext, rpc: HttpRpc, load: HttpLoad): FastifyInstance {
  const { settings, http } = context
  const app = Fastify({
    bodyLimit: settings.http_body_bytes,
    requestTimeout: settings.http_request_ms,
    keepAliveTimeout: settings.http_idle_ms,
    connectionTimeout: settings.http_stall_ms,
    exposeHeadRoutes: false,
    rewriteUrl: ({ url }) => readable(url ?? '/'),
    forceCloseConnections: 'idle',
    http: {
      maxHeaderSize: settings.http_header_bytes,
      requireHostHeader: false, // no browser leaves it out, and the old daemon did not ask for it
      headersTimeout: Math.min(settings.http_header_ms, settings.http_request_ms),
      connectionsCheckingInterval: LOOK_MS,
    },
  })
  app.server.maxConnections = settings.http_connections
  countConnections(app, context, load)
  takeAnyBody(app)
  holdBodies(app, context, load)
  addUpgrades(app, context)
  const version = context.client.welcome.software.replace(/^\D*/, '')
  app.get('/openrpc.json', (_request, reply) => sendJson(reply, 200, openRpcDocument(version)))
  for (const add of http.routes) add(app)
  const post = jsonRpc(context, rpc, load)
  app.setNotFoundHandler((request, reply) => {
    if (request.method === 'POST') return post(request, reply)
    if (request.method === 'GET') return sendJson(reply, 200, infoDocument(version))
    return refuseMethod(reply)
  })
  app.setErrorHandler(
    (error: { readonly code?: string; readonly statusCode?: number }, _, reply) => {
      const status = error.statusCode ?? 500
      const text =
        error.code === 'FST_ERR_CTP_BODY_TOO_LARGE'
          ? `Request too large: at most ${settings.http_body_bytes} bytes`
          : status < 500
            ? 'Invalid Request'
            : 'Internal server error'
      if (status >= 500) context.log.error({ err: error }, 'a request failed')
      const code = status < 500 ? -32600 : -32603
      return sendJson(reply, status, errorReply(null, { code, message: text }))
    },
  )
  return app
}

function countConnections(app: FastifyInstance, { metrics }: DoorContext, load: HttpLoad): void {
  const counted = new WeakSet<Socket>()
  app.server.on('connection', (socket: Socket) => {
    if (counted.has(socket)) return // it comes again without its upgrade
    counted.add(socket)
    load.connections += 1
    const gone = metrics.connected()
    socket.once('close', () => {
      gone()
      load.connections -= 1
    })
  })
}

/** A body is bytes, whatever its type is said to be: the old daemon did not look. */
function takeAnyBody(app: FastifyInstance): void {
  app.addHook('onRequest', async ({ raw }: { readonly raw: IncomingMessage }) => {
    raw.headers['content-type'] = 'application/octet-stream'
  })
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body))
}

/** A body is held from when it may come until the reply to it is gone. */
function holdBodies(app: FastifyInstance, { settings }: DoorContext, { held }: HttpLoad): void {
  const coming = new WeakMap<IncomingMessage, () => void>()
  const hold = ({ raw }: FastifyRequest, reply: FastifyReply, bytes: number): (() => void) => {
    const release = held.hold(bytes, () => raw.socket.destroy())
    reply.raw.once('close', release)
    return release
  }
  app.addHook('preParsing', async (request, reply) => {
    const { headers } = request.raw
    if (!('content-length' in headers || 'transfer-encoding' in headers)) return
    // One that comes in pieces does not say how large it will be.
    const bytes = Number(headers['content-length'] ?? settings.http_body_bytes)
    coming.set(request.raw, hold(request, reply, Math.min(bytes, settings.http_body_bytes)))
  })
  app.addHook('preHandler', async (request, reply) => {
    coming.get(request.raw)?.()
    if (Buffer.isBuffer(request.body)) hold(request, reply, request.body.length)
  })
}

/** A path that is no URL is a path like any other: none of them means anything to JSON-RPC. */
function readable(url: string): string {
  const query = url.indexOf('?')
  const path = query === -1 ? url : url.slice(0, query)
  try {
    decodeURI(path)
    return url
  } catch {
    return query === -1 ? '/' : `/${url.slice(query)}`
  }
}

function addUpgrades(app: FastifyInstance, { http }: DoorContext): void {
  if (http.upgrades.length === 0) return
  app.server.on('upgrade', (request, socket, head) => {
    if (!wantsWebSocket(request)) {
      serveWithoutUpgrade(app.server, request, socket, head)
      return
    }
    if (http.upgrades.some((take) => take(request, socket, head))) return
    socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
  })
}

type Handle = (request: FastifyRequest, reply: FastifyReply) => Promise<FastifyReply>

function jsonRpc({ settings }: DoorContext, rpc: HttpRpc, load: HttpLoad): Handle {
  return async (request, reply) => {
    const refusal = settings.enable_auth
      ? undefined
      : pageRefusal(request.raw, settings.expose_http)
    if (refusal !== undefined) {
      return sendJson(reply, 403, errorReply(null, { code: -32001, message: refusal }))
    }
    if (load.inFlight >= settings.http_in_flight) {
      const message = `Resource exhausted: ${settings.http_in_flight} requests are under way`
      void reply.header('retry-after', '1')
      return sendJson(reply, 503, errorReply(null, { code: -32011, message }))
    }
    load.inFlight += 1
    try {
      const body = await rpc.answer(bodyText(request.body), {
        authorization: request.headers.authorization,
        isStrict: settings.strict || isStrict(request.query),
      })
      if (body === undefined) return reply.code(204).send()
      const cut = (): void => {
        request.raw.socket.destroy()
      }
      reply.raw.once('close', load.held.hold(Buffer.byteLength(body), cut))
      return sendJson(reply, 200, body)
    } finally {
      load.inFlight -= 1
    }
  }
}

function isStrict(query: unknown): boolean {
  const { strict } = query as { readonly strict?: unknown }
  return strict === '1' || strict === 'true'
}

function bodyText(body: unknown): string {
  return Buffer.isBuffer(body) ? body.toString('utf8') : ''
}

/** As bytes, because a text would get a character set added to its type. */
function sendJson(reply: FastifyReply, status: number, text: string): FastifyReply {
  return reply.code(status).header('content-type', 'application/json').send(Buffer.from(text))
}

/** Without a type, as the old daemon did it. */
function refuseMethod(reply: FastifyReply): FastifyReply {
  const text = 'Method not allowed'
  reply.hijack()
  reply.raw.writeHead(405, { 'content-length': text.length, connection: 'close' })
  reply.raw.end(text)
  return reply
}
