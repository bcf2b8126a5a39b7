/** `agentmq kill`: ends sessions and all their processes at once. */
import { eachSession, sessionsBuilder } from '../each-session.ts'
import { exitText } from '../render/conversation-lines.ts'
import { handleOf } from '../session-text.ts'

export const builder = sessionsBuilder

export const handler = eachSession(async (client, session) => {
  const info = await client.call('session.kill', { session })
  return { result: info, line: `${handleOf(info)}  killed: ${exitText(info)}` }
})
