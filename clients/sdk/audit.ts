/** Reads the audit log, page by page. */
import type { AuditRecord } from '../../protocol/messages/audit.ts'
import type { Params, Result } from '../../protocol/methods/index.ts'
import type { CallOptions } from './caller.ts'
import type { Gap } from './reader.ts'

export type AuditQuery = Omit<Params<'audit.read'>, 'limit'> & {
  /** Last record to look at; default: the last one when the reading begins. */
  readonly to?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** Records that fit, the gaps between them, and where the next page begins. */
export type AuditPage = Result<'audit.read'>

type Read = (params: Params<'audit.read'>, options: CallOptions) => Promise<AuditPage>

/** Up to the last record that there is when it begins; what is written meanwhile is for the next time. */
export async function* auditPages(read: Read, query: AuditQuery): AsyncGenerator<AuditPage> {
  const { from = 1, to, signal, ...filter } = query
  let next = from
  let end = to
  do {
    const page = await read({ ...filter, from: next }, { signal })
    end ??= page.head
    yield upTo(page, end)
    next = page.next
  } while (next <= end)
}

/** What is on a page, in the order of the log. */
export function auditItems({ records, gaps }: AuditPage): (AuditRecord | Gap)[] {
  const missing = gaps.map((gap): Gap => ({ type: 'gap', ...gap }))
  const placeOf = (item: AuditRecord | Gap): number => ('type' in item ? item.from : item.seq)
  return [...records, ...missing].sort((a, b) => placeOf(a) - placeOf(b))
}

function upTo(page: AuditPage, end: number): AuditPage {
  if (page.next <= end + 1) return page
  return {
    ...page,
    records: page.records.filter(({ seq }) => seq <= end),
    gaps: page.gaps.filter(({ from }) => from <= end),
    next: end + 1,
  }
}
