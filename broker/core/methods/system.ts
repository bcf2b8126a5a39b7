/** system.info, system.health and system.metrics: measured when asked. */
import { ProtocolError } from '../../../protocol/errors.ts'
import { PROTOCOL_VERSION } from '../../../protocol/version.ts'
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import { visible } from '../visible.ts'

/** An event loop that is this late is named as a problem, ms. */
const LATE_LOOP_MS = 250

export function systemInfo(core: Core, call: Call<'system.info'>): void {
  const { software, instance, pid, endpoint, streams, journalPath } = core.ports.surroundings
  call.reply({
    software,
    protocol: PROTOCOL_VERSION,
    instance,
    epoch: core.epoch,
    pid,
    started_at: core.startedAt,
    endpoint,
    streams,
    journal: journalPath,
  })
}

export function systemHealth(core: Core, call: Call<'system.health'>): void {
  const loopLagMs = core.ports.surroundings.loopLagMs()
  const problems = problemsOf(core, loopLagMs)
  const seen = visible(core, call)
  call.reply({
    status: core.isDraining ? 'draining' : problems.length > 0 ? 'degraded' : 'ok',
    problems: problems.map(({ text, plain }) => (seen.isLimited ? plain : text)),
    uptime_ms: core.uptimeMs,
    hosts_online: core.hosts.onlineCount(),
    sessions_live: seen.liveCount(),
    loop_lag_ms: loopLagMs,
    ...(!seen.isLimited && figuresOf(core)),
  })
}

/** What tells how much all of its users do. */
function figuresOf({ calls, journal, ports }: Core) {
  const stats = journal.stats()
  return {
    connections: ports.connectionCount(),
    calls_in_flight: calls.inFlight,
    rss_bytes: ports.surroundings.rssBytes(),
    journal_bytes: stats.bytes,
    journal_commits: stats.commits,
    journal_corrupt: stats.corrupt,
    journal_last_commit_ms: stats.lastCommitMs,
  }
}

export function systemMetrics(core: Core, call: Call<'system.metrics'>): void {
  core.ports.metrics().then(
    (metrics) => call.reply(metrics),
    (thrown: unknown) => {
      core.defect(thrown)
      call.fail(ProtocolError.from(thrown, 'broker', 'yes'))
    },
  )
}

interface Problem {
  readonly text: string
  /** The same without what may tell of others. */
  readonly plain: string
}

function problemsOf(core: Core, loopLagMs: number): Problem[] {
  const problems: Problem[] = []
  const problem = (text: string, plain = text) => problems.push({ text, plain })
  const { failure } = core.batch
  const failed = 'the last write to the journal failed'
  if (failure) problem(`${failed}: ${failure.message}`, failed)
  const { corrupt } = core.journal.stats()
  const damaged = 'records of the journal failed their checksum'
  if (corrupt > 0) problem(`${corrupt} ${damaged}`, damaged)
  const { waiting, lost } = core.audit
  const [wait, gone] = [
    'records of the audit log wait for room',
    'records of the audit log are lost',
  ]
  if (waiting > 0) problem(`${waiting} ${wait}`, wait)
  if (lost > 0) problem(`${lost} ${gone}, because there was no room`, gone)
  if (loopLagMs > LATE_LOOP_MS) problem(`the event loop was ${loopLagMs} ms late`)
  if (core.hosts.onlineCount() === 0) problem('no host is connected')
  return problems
}
