/** Follows sessions with the SDK, one iterator each. */
import { setMaxListeners } from 'node:events'
import { connect, type Follow, ProtocolError } from '../../../clients/sdk/index.ts'
import type { OnText, StartReading } from './reader.ts'

export async function agentmqReader(
  place: object,
  sessions: readonly string[],
): Promise<StartReading> {
  const client = await connect(place)
  return async (onText) => {
    const stopping = new AbortController()
    setMaxListeners(sessions.length + 1, stopping.signal)
    const reading = { gaps: 0, stop: async () => stopping.abort() }
    const follows = sessions.map((session) => client.follow(session, { signal: stopping.signal }))
    for (const follow of follows) void read(follow, onText, reading)
    return reading
  }
}

async function read(follow: Follow, onText: OnText, reading: { gaps: number }): Promise<void> {
  try {
    for await (const item of follow) {
      if (item.type === 'text' || item.type === 'thinking') eachLine(item.content, onText)
      else if (item.type === 'gap') reading.gaps += 1
    }
  } catch (thrown) {
    if (!(thrown instanceof ProtocolError) || thrown.code !== 'CANCELLED') throw thrown
  }
}

/** A host merges the lines of a child that wait; those of the bench's own host have no end of line. */
function eachLine(content: string, onText: OnText): void {
  if (!content.endsWith('\n')) onText(content)
  else for (const line of content.slice(0, -1).split('\n')) onText(line)
}
