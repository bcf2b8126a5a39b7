/** What the work behind the JSON-RPC doors is done with. */
import type { Logger } from 'pino'
import type { Actor } from '../../sdk/index.ts'
import type { Chats } from '../chats.ts'
import type { DoorContext } from '../door.ts'
import { AgentTypes } from './agent-types.ts'

export interface LegacyPorts {
  readonly client: Actor
  readonly log: Logger
  readonly chats: Chats
  readonly types: AgentTypes
  /** Ms since 1970. */
  readonly wall: () => number
  /** A clock that never goes back, ms. */
  readonly now: () => number
  readonly uuid: () => string
  /** Waits, ms. */
  readonly pause: (ms: number) => Promise<void>
  /** How long a request waits for a host while none is connected, ms. */
  readonly hostWaitMs: number
  /** Where chats are published, as clients reach it; undefined when they are not. */
  readonly chatEndpoint: () => string | undefined
}

export function legacyPorts(context: DoorContext): LegacyPorts {
  const { client, log, chats, settings, wall, now, uuid, pause, addressesOf } = context
  return {
    client,
    log,
    chats,
    types: new AgentTypes(settings.agent_types),
    wall,
    now,
    uuid,
    pause: (ms) => pause(ms),
    hostWaitMs: settings.host_wait_ms,
    // Whoever asks is on this machine, as far as the old clients know.
    chatEndpoint: () => addressesOf('pub')[0]?.replace('//0.0.0.0:', '//127.0.0.1:'),
  }
}
