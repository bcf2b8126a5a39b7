/**
 * Who may open a stream or an upgrade in the HTTP door. A browser cannot set headers on either, so a token may
 * stand in the query too; and any page of the web can open a WebSocket to loopback, so its origin is looked at.
 */
import type { IncomingMessage } from 'node:http'
import { Auth, type AuthSettings } from '../http/auth.ts'
import type { Refusal } from './stream-request.ts'

const LOOPBACK = /^(127(\.\d+){3}|localhost|\[::1\])$/

/** True without an origin, which is no browser, from this machine, and from the host that was asked. */
export function isOwnOrigin({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  const { origin, host } = headers
  if (origin === undefined) return true
  const url = URL.canParse(origin) ? new URL(origin) : undefined
  return url !== undefined && (LOOPBACK.test(url.hostname) || url.host === host)
}

export class Admission {
  readonly #auth: Auth
  readonly #isAsking: boolean

  constructor(settings: AuthSettings, wall: () => number) {
    this.#auth = new Auth(settings, wall)
    this.#isAsking = settings.enable_auth
  }

  /** Undefined = it may come in. */
  async refusal(request: IncomingMessage): Promise<Refusal | undefined> {
    if (!this.#isAsking) {
      return isOwnOrigin(request)
        ? undefined
        : told(403, 'FORBIDDEN', 'This origin may not come in')
    }
    const query = new URL(request.url ?? '/', 'http://localhost').searchParams
    const token = query.get('auth_token')
    const params = token === null ? null : new Map([['auth_token', token]])
    if (await this.#auth.allows(request.headers.authorization, params)) return undefined
    return told(401, 'UNAUTHENTICATED', 'Authentication failed')
  }
}

function told(status: number, code: string, message: string): Refusal {
  return { status, body: `${JSON.stringify({ error: { code, message } })}\n` }
}
