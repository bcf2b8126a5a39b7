/** What the work behind the agent protocol is done with. */
import type { Actor } from '../../sdk/index.ts'
import type { OneAtATime } from '../agents/one-at-a-time.ts'
import type { LegacyPorts } from '../legacy/ports.ts'
import type { LogPlace } from './log-place.ts'

export interface RepPorts {
  readonly client: Actor
  /** Ms since 1970. */
  readonly wall: () => number
  /** How this server calls itself in replies. */
  readonly serverId: string
  /** Where clients reach it. */
  readonly endpoint: () => string
  /** Most live agents; spawning beyond it is refused. */
  readonly maxAgents: number
  readonly legacy: LegacyPorts
  /** Where the log of an agent is published, for its reply. */
  readonly logs: LogPlace
  /** Who reads the output of an agent line by line. */
  readonly readers: OneAtATime
}
