/** agent.logs: reads the journal of a session and gives the entries that were asked for, and how many there are. */
import type { SessionInfo } from '../../sdk/index.ts'
import { LogEntries, type LogEntry } from './log-entries.ts'
import type { LegacyPorts } from './ports.ts'

export interface LogWindow {
  readonly limit: number | null
  readonly offset: number | null
}

/** Entries of one answer; a caller who wants more asks for the next ones. */
const MAX_ENTRIES = 10_000
/** Entries when nobody says how many. */
const DEFAULT_ENTRIES = 1000

export async function readLogs(
  { client }: LegacyPorts,
  { session, head }: SessionInfo,
  window: LogWindow,
): Promise<{ readonly logs: readonly LogEntry[]; readonly total: number }> {
  const offset = window.offset ?? 0
  const limit = Math.min(window.limit ?? DEFAULT_ENTRIES, MAX_ENTRIES)
  const entries = new LogEntries()
  const logs: LogEntry[] = []
  let total = 0
  const take = (found: Iterable<LogEntry>): void => {
    for (const entry of found) {
      if (total >= offset && logs.length < limit) logs.push(entry)
      total += 1
    }
  }
  if (head > 0) {
    await using items = client.follow(session, { from: 1 })
    for await (const item of items) {
      take(entries.add(item))
      if (('seq' in item ? item.seq : item.to) >= head) break
    }
  }
  take(entries.end())
  return { logs, total }
}
