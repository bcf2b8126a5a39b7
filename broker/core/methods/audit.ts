/** audit.read: a bounded stretch of the audit log, with what of it was asked for. */
import { fits, isInTime } from '../../../protocol/audit-filter.ts'
import type { AuditRecord } from '../../../protocol/messages/audit.ts'
import type { Gap, StoredChunk } from '../../journal/journal.ts'
import { recordOf } from '../audit/record.ts'
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import { AUDIT } from '../events.ts'
import { EVERYTHING } from '../sight.ts'

/** Records and bytes that one call looks at: 1,000 take some milliseconds. */
const MAX_COUNT = 1000
const MAX_BYTES = 512 * 1024

export function auditRead(core: Core, call: Call<'audit.read'>): void {
  const { from = 1, limit = MAX_COUNT, session, ...rest } = call.params
  const filter = { ...rest, ...(session !== undefined && { session: idOf(core, session) }) }
  const head = core.streams.durableOf(AUDIT)
  const range = { from, to: head, maxCount: MAX_COUNT, maxBytes: MAX_BYTES }
  const page = core.journal.read(AUDIT, range)
  const records: AuditRecord[] = []
  const unreadable: Gap[] = []
  let { next } = page
  for (const chunk of page.chunks) {
    if (!isInTime(filter, chunk.time)) continue
    const record = recordOf(chunk)
    if (!record) unreadable.push(gapAt(chunk))
    else if (fits(filter, record)) records.push(record)
    if (records.length < limit) continue
    next = chunk.sequence + 1
    break
  }
  const gaps = [...page.gaps, ...unreadable]
    .filter((gap) => gap.from < next)
    .sort((a, b) => a.from - b.from)
  call.reply({ records, gaps: gaps.map((gap) => ({ ...gap })), next, head })
}

function gapAt({ sequence }: StoredChunk): Gap {
  return { from: sequence, to: sequence, reason: 'corrupt' }
}

/** A session that is gone is known to the log alone, by its id. */
function idOf({ sessions }: Core, reference: string): string {
  try {
    return sessions.resolve(reference, EVERYTHING).session
  } catch {
    return reference
  }
}
