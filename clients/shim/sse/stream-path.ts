/** `/sessions/ID/stream`, and what its query asks for. Pure. */
import { ProtocolError } from '../../sdk/index.ts'

const PATH = /^\/sessions\/([^/?]{1,384})\/stream\/?(?:\?|$)/

export interface StreamWish {
  /** Id of a session, its name or the start of its id. */
  readonly session: string
  /** First sequence wanted. */
  readonly from: number
  /** Whether it ends with the process. */
  readonly until: 'complete' | 'never'
}

export function isStreamPath(url: string | undefined): boolean {
  return PATH.test(url ?? '')
}

/**
 * `lastEventId` is what a browser sends when it comes again, and so goes over `?from=`. Throws INVALID_PARAMS.
 */
export function streamWish(url: string, lastEventId: string | undefined): StreamWish {
  const [, reference = ''] = PATH.exec(url) ?? []
  const query = new URLSearchParams(url.slice(url.indexOf('?') + 1))
  const asked = url.includes('?') ? query : new URLSearchParams()
  const until = asked.get('until') ?? 'never'
  if (until !== 'complete' && until !== 'never') throw refused('until must be complete or never')
  const last = lastEventId === undefined || lastEventId === '' ? undefined : lastEventId
  const from =
    last === undefined
      ? sequence('from', asked.get('from') ?? '1')
      : sequence('Last-Event-ID', last) + 1
  return { session: decoded(reference), from: Math.max(1, from), until }
}

function sequence(what: string, text: string): number {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isNaN(value)) throw refused(`${what} must be a sequence, 0 or more`)
  return value
}

function decoded(reference: string): string {
  try {
    return decodeURIComponent(reference)
  } catch {
    throw refused('the session is not written as URLs are')
  }
}

function refused(reason: string): ProtocolError {
  return new ProtocolError('INVALID_PARAMS', { method: 'GET /sessions/ID/stream', reason })
}
