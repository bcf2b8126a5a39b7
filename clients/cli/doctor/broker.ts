/** Checks of a broker that answers: its version, speed, health and clock, and whether it streams live. */
import { type Client, ProtocolError, type Result } from '../../sdk/index.ts'
import { duration } from '../render/durations.ts'
import { type Finding, ok, problem, warning } from './finding.ts'

const CALLS = 9
const SLOW_CALL_MS = 50
const CLOCK_MS = 2000
const LIVE_MS = 3000

export interface BrokerChecks {
  readonly client: Client
  readonly software: string
  readonly now: () => number
  readonly wall: () => number
  readonly signal: AbortSignal
}

type Info = Result<'system.info'>
type Health = Result<'system.health'>

export async function checkBroker(checks: BrokerChecks, info: Info): Promise<Finding[]> {
  const { client, signal } = checks
  const health = await client.call('system.health', {}, { signal })
  return [
    checkVersion(checks.software, info),
    await checkSpeed(checks),
    ...checkHealth(health),
    checkClock(checks, info, health),
    await checkStreams(checks),
  ]
}

function checkVersion(ours: string, { software, protocol }: Info): Finding {
  const version = (text: string) => /\d+\.\d+\.\d+/.exec(text)?.[0]
  if (version(ours) === version(software)) return ok('version', `${software}, protocol ${protocol}`)
  const found = `this is ${ours}, the broker is ${software}`
  return warning('version', found, 'they work together; update the older one when you can')
}

async function checkSpeed({ client, now, signal }: BrokerChecks): Promise<Finding> {
  const times: number[] = []
  for (let call = 0; call < CALLS; call += 1) {
    const since = now()
    await client.call('system.info', {}, { signal })
    times.push(now() - since)
  }
  const median = times.sort((a, b) => a - b)[Math.floor(CALLS / 2)] ?? 0
  const found = `a call takes ${median.toFixed(1)} ms (median of ${CALLS})`
  if (median < SLOW_CALL_MS) return ok('speed', found)
  return warning('speed', found, 'look at its loop lag and at the load of that machine')
}

/** The broker knows of no host: `hosts` says so with what to do. */
const NO_HOST = /no host is connected/

function checkHealth({ status, problems, loop_lag_ms, journal_bytes }: Health): Finding[] {
  const journal =
    journal_bytes === undefined ? '' : `journal ${Math.ceil(journal_bytes / 1024 / 1024)} MiB, `
  const size = `${journal}loop lag ${duration(loop_lag_ms)}`
  const told = problems.filter((sentence) => !NO_HOST.test(sentence))
  if (status === 'draining') {
    return [warning('health', 'the broker is shutting down', 'wait, or start it again')]
  }
  if (told.length === 0) return [ok('health', size)]
  const advice = 'see docs/operations.md; `agentmq journal verify` checks the records'
  return told.map((sentence) => problem('health', sentence, advice))
}

/** What it says of its start and of its uptime gives the time there. */
function checkClock({ wall }: BrokerChecks, { started_at }: Info, { uptime_ms }: Health): Finding {
  const aheadMs = started_at + uptime_ms - wall()
  if (Math.abs(aheadMs) < CLOCK_MS) return ok('clock', 'the same here and there')
  const found = `the clock of the broker is ${duration(Math.abs(aheadMs))} ${aheadMs > 0 ? 'ahead' : 'behind'}, or was set since it started`
  return warning('clock', found, 'times in streams are those of the broker; set the clocks by NTP')
}

/** A subscription that never proves itself means that readers poll, which is slow and never wrong. */
async function checkStreams({ client, signal }: BrokerChecks): Promise<Finding> {
  const patience = AbortSignal.any([signal, AbortSignal.timeout(LIVE_MS)])
  try {
    await client.liveness('@events', patience)
    return ok('streams', 'what is published arrives')
  } catch (thrown) {
    const { code } = ProtocolError.from(thrown, 'client')
    if (code === 'FORBIDDEN') return ok('streams', 'not looked at: that takes other rights')
  }
  signal.throwIfAborted()
  const advice = 'is the port of the streams open as well? It is the one after that of calls'
  return problem('streams', `nothing arrived within ${duration(LIVE_MS)}`, advice)
}
