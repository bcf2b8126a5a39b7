/** Appends chunks as a host does. */
import type { Place } from '../transports.ts'
import { ChildlessHost } from './childless-host.ts'
import type { Producer } from './producer.ts'

export interface HostProducer extends Producer {
  sessions(): readonly string[]
}

export async function agentmqProducer(place: Place, slots: number): Promise<HostProducer> {
  const host = await ChildlessHost.start(place, slots)
  return {
    append: (text, stream) => host.append(text, stream),
    sessions: () => host.sessions,
  }
}
