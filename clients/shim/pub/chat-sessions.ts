/** Which sessions are chats, and how the broker tells of them. */
import type { Client, SessionInfo } from '../../sdk/index.ts'

/** A session of the old chat API; one that was made an agent later is still streamed as a chat. */
export function isChat({ metadata }: Pick<SessionInfo, 'metadata'>): boolean {
  return metadata['mode'] === 'chat' || metadata['chat'] === true
}

const PAGE = 1000

/** Every session there is, in pages, so that no reply is large. */
export async function* everySession(client: Client): AsyncGenerator<SessionInfo, undefined> {
  for (let offset = 0; ; ) {
    const { sessions, total } = await client.call('session.list', { limit: PAGE, offset })
    yield* sessions
    offset += sessions.length
    if (sessions.length === 0 || offset >= total) return
  }
}
