/** Follows sessions with the SDK, one iterator each, on one connection or one each as well. */
import { setMaxListeners } from 'node:events'
import { type Client, connect, type Follow, ProtocolError } from '../../../clients/sdk/index.ts'
import type { AgentmqReading, OnText, StartReading } from './reader.ts'

export async function agentmqReader(options: AgentmqReading): Promise<StartReading> {
  const { connect: place, sessions, connections = 'shared' } = options
  const shared = connections === 'shared' ? await connect(place) : undefined
  const clients: Client[] = []
  for (const _ of sessions) clients.push(shared ?? (await connect(place)))
  return async (onText) => {
    const stopping = new AbortController()
    setMaxListeners(sessions.length + 1, stopping.signal)
    const reading = { gaps: 0, stop: async () => stopping.abort() }
    for (const [index, session] of sessions.entries()) {
      const follow = clients[index]?.follow(session, { signal: stopping.signal })
      if (follow) void read(follow, onText, reading)
    }
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
