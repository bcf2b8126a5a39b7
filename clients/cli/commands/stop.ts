/** `agentmq stop`: ends sessions step by step. */
import { eachSession, sessionsBuilder } from '../each-session.ts'
import { exitText } from '../render/conversation-lines.ts'
import { handleOf } from '../session-text.ts'

/** The steps to the end of a process take their time: interrupt, end of input, SIGTERM, SIGKILL. */
const STOP_DEADLINE_MS = 60_000

export const builder = sessionsBuilder

export const handler = eachSession(async (client, session) => {
  const info = await client.call('session.stop', { session }, { deadlineMs: STOP_DEADLINE_MS })
  return { result: info, line: `${handleOf(info)}  stopped: ${exitText(info)}` }
})
