/** The sessions of the broker as the doors see them: all of them, in pages, and which are chats. */
import type { Actor, SessionInfo } from '../sdk/index.ts'

/** A session of the old chat API; one that was made an agent later is still streamed as a chat. */
export function isChat({ metadata }: Pick<SessionInfo, 'metadata'>): boolean {
  return metadata['mode'] === 'chat' || metadata['chat'] === true
}

const PAGE = 1000

/** Every session there is, newest first, in pages, so that no reply is large. */
export async function* everySession(
  client: Actor,
  status?: readonly SessionInfo['status'][],
): AsyncGenerator<SessionInfo, undefined> {
  const filter = status ? { status: [...status] } : {}
  for (let offset = 0; ; ) {
    const page = await client.call('session.list', { ...filter, limit: PAGE, offset })
    yield* page.sessions
    offset += page.sessions.length
    if (page.sessions.length === 0 || offset >= page.total) return
  }
}
