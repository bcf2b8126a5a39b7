/** system.info, system.health and system.metrics: measured when asked. */
import { ProtocolError } from '../../../protocol/errors.ts'
import { PROTOCOL_VERSION } from '../../../protocol/version.ts'
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'

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
  const stats = core.journal.stats()
  const loopLagMs = core.ports.surroundings.loopLagMs()
  const problems = problemsOf(core, loopLagMs)
  call.reply({
    status: core.isDraining ? 'draining' : problems.length > 0 ? 'degraded' : 'ok',
    problems,
    uptime_ms: core.uptimeMs,
    connections: core.ports.connectionCount(),
    hosts_online: core.hosts.onlineCount(),
    sessions_live: core.sessions.liveCount(),
    calls_in_flight: core.calls.inFlight,
    loop_lag_ms: loopLagMs,
    rss_bytes: core.ports.surroundings.rssBytes(),
    journal_bytes: stats.bytes,
    journal_commits: stats.commits,
    journal_corrupt: stats.corrupt,
    journal_last_commit_ms: stats.lastCommitMs,
  })
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

function problemsOf(core: Core, loopLagMs: number): string[] {
  const problems: string[] = []
  const { failure } = core.batch
  if (failure) problems.push(`the last write to the journal failed: ${failure.message}`)
  const { corrupt } = core.journal.stats()
  if (corrupt > 0) problems.push(`${corrupt} records of the journal failed their checksum`)
  const { waiting, lost } = core.audit
  if (waiting > 0) problems.push(`${waiting} records of the audit log wait for room`)
  if (lost > 0) problems.push(`${lost} records of the audit log found no room, and are lost`)
  if (loopLagMs > LATE_LOOP_MS) problems.push(`the event loop was ${loopLagMs} ms late`)
  if (core.hosts.onlineCount() === 0) problems.push('no host is connected')
  return problems
}
