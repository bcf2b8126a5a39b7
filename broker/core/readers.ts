/** Who reads, and how far behind the streams they are. */
import { createHash } from 'node:crypto'
import type { Core } from './core.ts'
import type { Reading } from './tickets.ts'

export interface Lagging {
  readonly reading: Reading
  /** Chunks on disk that it has not taken, as far as it has told. */
  readonly lag: number
}

/** All readers, the one that is furthest behind first. */
export function lagging(core: Core): Lagging[] {
  return [...core.tickets.readings()]
    .map((reading) => ({ reading, lag: lagOf(core, reading) }))
    .sort((a, b) => b.lag - a.lag)
}

/** A reader may wait for what does not exist yet: it is not behind. */
function lagOf(core: Core, { session, position }: Reading): number {
  return Math.max(0, core.streams.of(session).durable - position)
}

/** Tells connections apart. Not the id itself, which whoever wants to disturb ROUTER would like to know. */
export function connectionName(connection: string): string {
  return createHash('sha256').update(connection, 'latin1').digest('hex').slice(0, 12)
}
