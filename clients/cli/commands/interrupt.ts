/** `agentmq interrupt`: ends the running turn of sessions; the sessions live on. */
import { eachSession, sessionsBuilder } from '../each-session.ts'
import { shortId } from '../session-text.ts'

export const builder = sessionsBuilder

export const handler = eachSession(async (client, session) => {
  const result = await client.call('session.interrupt', { session })
  const what = result.interrupted ? `interrupted turn ${result.turn}` : 'no turn was running'
  return { result, line: `${shortId(result.session)}  ${what}` }
})
