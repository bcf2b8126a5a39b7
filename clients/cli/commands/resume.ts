/** `agentmq resume`: lets paused sessions go on. */
import { eachSession, sessionsBuilder } from '../each-session.ts'
import { handleOf } from '../session-text.ts'

export const builder = sessionsBuilder

export const handler = eachSession(async (client, session) => {
  const info = await client.call('session.resume', { session })
  return { result: info, line: `${handleOf(info)}  goes on` }
})
