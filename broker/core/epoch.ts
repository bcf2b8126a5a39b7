/**
 * The number of this life of the broker, higher than that of any life before on the same journal. Kept in two
 * records, so that damage to one of them costs nothing.
 */

import { matches } from '../../protocol/schema.ts'
import { Type } from '../../protocol/typebox.ts'
import type { JournalOperation } from '../journal/journal.ts'
import type { Core } from './core.ts'

const KEYS: readonly string[] = ['epoch', 'epoch-copy']

/** Writes the new number as well, which heals both records. */
export function nextEpoch(core: Core): number {
  const epoch = 1 + (storedEpoch(core) ?? epochFloor(core))
  const operations = KEYS.map((key): JournalOperation => {
    return { op: 'put', table: 'meta', key, value: epoch }
  })
  core.batch.add(operations, () => {})
  return epoch
}

function storedEpoch(core: Core): number | undefined {
  let highest: number | undefined
  for (const { key, value } of core.journal.entries('meta')) {
    if (KEYS.includes(key) && matches(Type.Integer(), value)) {
      highest = Math.max(highest ?? 0, value)
    }
  }
  return highest
}

/**
 * What no life before can have been above, when no record tells: 0 for a new journal. A life takes more
 * than a millisecond, so there have been fewer than milliseconds since 1970; and the next ones count on
 * from there, so a second such damage is above the first.
 */
function epochFloor(core: Core): number {
  const { journal, sessions, idempotency } = core
  const isUsed = sessions.size > 0 || idempotency.size > 0
  const hasDamage = [...journal.damaged('meta'), ...journal.damaged('sessions')].length > 0
  return isUsed || hasDamage ? Math.max(1, core.clock.wall()) : 0
}
