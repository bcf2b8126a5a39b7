/** All growths, in the order in which they run and are shown. */
import { CHUNK_SIZE } from './chunk-size.ts'
import type { Growth } from './growth.ts'
import { HOSTS } from './hosts.ts'
import { JOURNAL } from './journal.ts'
import { READERS, READERS_EACH } from './readers.ts'
import { SESSIONS_IDLE } from './sessions-idle.ts'
import { SESSIONS_LIVE } from './sessions-live.ts'

export const GROWTHS: readonly Growth[] = [
  SESSIONS_IDLE,
  SESSIONS_LIVE,
  READERS,
  READERS_EACH,
  HOSTS,
  CHUNK_SIZE,
  JOURNAL,
]
