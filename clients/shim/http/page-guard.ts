/**
 * Keeps pages of the web out of a door that asks nobody who they are. A browser lets any page send a POST to
 * loopback and says in `Origin` where the page is from; a page whose name was made to point here (DNS
 * rebinding) has an origin like the host it asks, so that host must be one that nobody else can own.
 */
import type { IncomingMessage } from 'node:http'
import { isIP } from 'node:net'

type Asked = Pick<IncomingMessage, 'headers'>

/** `localhost`, or an address: names can be made to point anywhere. */
function isUnownable(hostname: string): boolean {
  return hostname === 'localhost' || isIP(hostname.replace(/^\[(.*)\]$/, '$1')) !== 0
}

const LOOPBACK = /^(127(\.\d+){3}|localhost|\[::1\])$/

function urlOf(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined
}

/** True without an origin, which is no browser, from this machine, and from the host that was asked. */
export function isOwnOrigin({ headers }: Asked): boolean {
  const { origin, host } = headers
  if (origin === undefined) return true
  const url = urlOf(origin)
  return url !== undefined && (LOOPBACK.test(url.hostname) || url.host === host)
}

/** True without a host, as HTTP/1.0 asks, and for one that no page can have made to point here. */
export function isOwnHost({ headers }: Asked): boolean {
  if (headers.host === undefined) return true
  const url = urlOf(`http://${headers.host}`)
  return url !== undefined && isUnownable(url.hostname)
}

/** What a page of somebody else is told; undefined = it may come in. Only for doors that ask for no token. */
export function pageRefusal(request: Asked, isExposed: boolean): string | undefined {
  if (!isOwnOrigin(request)) {
    return `Forbidden: pages of ${request.headers.origin} may not come in without a token`
  }
  // Whoever exposes the door has names for it that are not known here.
  if (isExposed || isOwnHost(request)) return undefined
  return `Forbidden: ask by address or as localhost, not as ${request.headers.host}`
}
