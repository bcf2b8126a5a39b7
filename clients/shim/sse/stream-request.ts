/** Whether a stream can begin, before anything is written: what cannot be told with a status later. */
import { STATUS_CODES } from 'node:http'
import { type Actor, ERRORS, ProtocolError } from '../../sdk/index.ts'
import type { StreamWish } from './stream-path.ts'

const OVER: ReadonlySet<string> = new Set(['ended', 'failed'])

/** The full id; undefined when nothing will ever come. Throws NO_SUCH_SESSION. */
export async function findStream(
  client: Pick<Actor, 'call'>,
  { session, from, until }: StreamWish,
  signal: AbortSignal,
): Promise<string | undefined> {
  const info = await client.call('session.get', { session }, { signal })
  const isRead = until === 'complete' && OVER.has(info.status) && from > info.head
  return isRead ? undefined : info.session
}

export interface Refusal {
  readonly status: number
  readonly body: string
}

export function refusal(thrown: unknown): Refusal {
  const { code, message } = ProtocolError.from(thrown, 'client')
  return { status: ERRORS[code].http, body: `${JSON.stringify({ error: { code, message } })}\n` }
}

/** The answer to a connection that wanted to upgrade. */
export function rawAnswer({ status, body }: Refusal): string {
  const head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nconnection: close`
  const length = Buffer.byteLength(body)
  return `${head}\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n${body}`
}
