/** Appends chunks as hosts do. */
import { ChildlessHost } from './childless-host.ts'
import type { AgentmqProducing, Producer } from './producer.ts'

export interface HostProducer extends Producer {
  sessions(): readonly string[]
}

/** Streams are numbered across the hosts in turn. */
export async function agentmqProducer(options: AgentmqProducing): Promise<HostProducer> {
  const { place, sessions, hosts: count = 1 } = options
  const hosts = await Promise.all(
    Array.from({ length: count }, (_, index) =>
      ChildlessHost.start(place, { index, slots: sessions }),
    ),
  )
  return {
    append: (text, stream) => {
      const host = hosts[stream % count]
      if (!host) throw new Error(`there is no host for stream ${stream}`)
      return host.append(text, Math.floor(stream / count))
    },
    sessions: () => hosts.flatMap((host) => host.sessions),
  }
}
