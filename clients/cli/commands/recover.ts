/** `agentmq recover`: new processes that go on with the conversations of sessions that ended. */
import { eachSession, sessionsBuilder } from '../each-session.ts'
import { handleOf, shortId } from '../session-text.ts'

/** A CLI may need a while to read a long conversation back. */
const START_DEADLINE_MS = 60_000

export const builder = sessionsBuilder

export const handler = eachSession(async (client, session) => {
  const info = await client.call('session.recover', { session }, { deadlineMs: START_DEADLINE_MS })
  return { result: info, line: `${handleOf(info)}  recovered on host ${shortId(info.host)}` }
})
