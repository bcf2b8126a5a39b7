/**
 * Who may open a stream or an upgrade in the HTTP door. A browser cannot set headers on either, so a token may
 * stand in the query too; and any page of the web can open a WebSocket to loopback, so pages are looked at (page-guard.ts).
 */
import type { IncomingMessage } from 'node:http'
import { type Admitted, Auth, type AuthSettings } from '../http/auth.ts'
import { pageRefusal } from '../http/page-guard.ts'
import type { Refusal } from './stream-request.ts'

export interface AdmissionSettings extends AuthSettings {
  readonly expose_http: boolean
}

export class Admission {
  readonly #auth: Auth
  readonly #settings: AdmissionSettings

  constructor(settings: AdmissionSettings, wall: () => number) {
    this.#auth = new Auth(settings, wall)
    this.#settings = settings
  }

  /** Who it is, or what it is told. */
  async admit(request: IncomingMessage): Promise<Admitted | Refusal> {
    if (!this.#settings.enable_auth) {
      const reason = pageRefusal(request, this.#settings.expose_http)
      return reason === undefined ? { user: undefined } : told(403, 'FORBIDDEN', reason)
    }
    const query = new URL(request.url ?? '/', 'http://localhost').searchParams
    const token = query.get('auth_token')
    const params = token === null ? null : new Map([['auth_token', token]])
    const admitted = await this.#auth.admit(request.headers.authorization, params)
    return admitted ?? told(401, 'UNAUTHENTICATED', 'Authentication failed')
  }
}

function told(status: number, code: string, message: string): Refusal {
  return { status, body: `${JSON.stringify({ error: { code, message } })}\n` }
}
