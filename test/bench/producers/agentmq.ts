/** Appends chunks as a host does. */
import { ChunkHost } from './chunk-host.ts'
import type { Producer } from './producer.ts'

export interface HostProducer extends Producer {
  sessions(): readonly string[]
}

export async function agentmqProducer(endpoint: string, slots: number): Promise<HostProducer> {
  const host = await ChunkHost.start(endpoint, slots)
  return {
    append: (text, stream) => host.append(text, stream),
    sessions: () => host.sessions,
  }
}
