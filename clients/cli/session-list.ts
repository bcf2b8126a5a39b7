/** All sessions of the broker, however many pages they take. */
import type { SessionInfo, SessionStatus } from '../../protocol/methods/types.ts'
import type { Client } from '../sdk/index.ts'

export async function listSessions(
  client: Client,
  status: readonly SessionStatus[] | undefined,
  signal: AbortSignal,
): Promise<SessionInfo[]> {
  const found: SessionInfo[] = []
  for (;;) {
    const page = await client.call(
      'session.list',
      { ...(status && { status: [...status] }), offset: found.length },
      { signal },
    )
    found.push(...page.sessions)
    if (page.sessions.length === 0 || found.length >= page.total) return found
  }
}
