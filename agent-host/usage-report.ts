/** What the processes of this host's sessions use, measured together in one look at the process table. */
import type { Params } from '../protocol/methods/index.ts'
import type { ProcessTree } from './process/process-tree.ts'
import type { SessionRunner } from './session-runner.ts'

type Report = Params<'host.usage'>['sessions']

/** How often it is told, ms: a look costs about a millisecond for a hundred processes. */
export const USAGE_MS = 5000

export function usageReport(tree: ProcessTree, runners: readonly SessionRunner[]): Report {
  const living = runners.flatMap((runner) =>
    runner.pid === null ? [] : [{ runner, pid: runner.pid }],
  )
  if (living.length === 0) return []
  const usage = tree.usage(living.map(({ pid }) => pid))
  return living.flatMap(({ runner: { options }, pid }) => {
    const used = usage.get(pid)
    if (!used) return []
    const { session, epoch } = options
    const { cpuMs, rssBytes, processes } = used
    return [{ session, epoch, cpu_ms: cpuMs, rss_bytes: rssBytes, processes }]
  })
}
