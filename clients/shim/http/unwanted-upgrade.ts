/** Requests that offer to speak another protocol, and are answered in this one, as RFC 9110 7.8 allows. */
import type { IncomingMessage, Server } from 'node:http'
import type { Duplex } from 'node:stream'

/** Members of a request that belong to the offer. */
const OFFER: ReadonlySet<string> = new Set(['upgrade', 'http2-settings'])

export function wantsWebSocket({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.upgrade?.toLowerCase() === 'websocket'
}

/** Node takes a request with an offer out of HTTP; without the offer it goes in once more. */
export function serveWithoutUpgrade(
  server: Server,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): void {
  socket.unshift(Buffer.concat([Buffer.from(headOf(request), 'latin1'), head]))
  server.emit('connection', socket)
}

function headOf({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  const lines = [`${method} ${url} HTTP/${httpVersion}`]
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const name = rawHeaders[at] ?? ''
    const value = rawHeaders[at + 1] ?? ''
    if (OFFER.has(name.toLowerCase())) continue
    lines.push(`${name}: ${name.toLowerCase() === 'connection' ? withoutOffer(value) : value}`)
  }
  return `${lines.join('\r\n')}\r\n\r\n`
}

function withoutOffer(connection: string): string {
  const kept = connection.split(',').filter((option) => !OFFER.has(option.trim().toLowerCase()))
  return kept.join(',').trim() || 'keep-alive'
}
