/** system.health and system.metrics, measured when they are asked for. */
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Result } from '../../sdk/index.ts'
import { listAgents } from './agents.ts'
import type { LegacyPorts } from './ports.ts'
import { type HttpStatus, httpStatus } from './statuses.ts'
import { rfc3339 } from './times.ts'

/** How long a broker may take to say how it is before it counts as ill, ms. */
const PATIENCE_MS = 5000
const MIB = 1_048_576

export class SystemService {
  readonly #ports: LegacyPorts
  readonly #startedAt: number
  readonly #connections: () => number
  #cpu = { at: 0, micros: 0 }

  constructor(ports: LegacyPorts, connections: () => number) {
    this.#ports = ports
    this.#startedAt = ports.now()
    this.#connections = connections
    this.#cpu = { at: this.#startedAt, micros: cpuMicros() }
  }

  async health(): Promise<object> {
    const { client, wall } = this.#ports
    const timestamp = rfc3339(wall())
    try {
      const deadline = { deadlineMs: PATIENCE_MS }
      const health = await client.call('system.health', {}, deadline)
      const uptime_secs = Math.floor(health.uptime_ms / 1000)
      return { status: wordFor(health), timestamp, uptime_secs, version: this.#version() }
    } catch (thrown) {
      const { code } = ProtocolError.from(thrown, 'client')
      if (code === 'FORBIDDEN') throw thrown // it says nothing of the broker
      this.#ports.log.warn({ code }, 'the broker does not say how it is')
      return { status: 'unhealthy', timestamp, uptime_secs: 0, version: this.#version() }
    }
  }

  /** CPU and memory are those of the broker's machine part that serves: the broker and this process. */
  async metrics(): Promise<object> {
    const { client, wall } = this.#ports
    const agents = await listAgents(this.#ports)
    const { rss_bytes, uptime_ms } = await client.call('system.health', {})
    const count = (status: HttpStatus) =>
      agents.filter((info) => httpStatus(info) === status).length
    return {
      agents: {
        failed: count('failed'),
        paused: count('paused'),
        running: count('running'),
        stopped: count('stopped') + count('terminated'),
        total: agents.length,
      },
      system: {
        active_connections: this.#connections(),
        cpu_usage_percent: this.#cpuPercent(),
        memory_usage_mb: ((rss_bytes ?? 0) + process.memoryUsage.rss()) / MIB,
        uptime_secs: Math.floor(uptime_ms / 1000),
      },
      timestamp: rfc3339(wall()),
    }
  }

  /** Of one processor, by this process, since the last time it was asked for. */
  #cpuPercent(): number {
    const now = { at: this.#ports.now(), micros: cpuMicros() }
    const elapsedMicros = Math.max(1, (now.at - this.#cpu.at) * 1000)
    const percent = ((now.micros - this.#cpu.micros) / elapsedMicros) * 100
    this.#cpu = now
    return percent
  }

  #version(): string {
    return this.#ports.client.welcome.software.replace(/^\D*/, '')
  }
}

/** Old clients look for `healthy`: it stays so while agents can run, even if something is slow. */
function wordFor({ status, hosts_online, journal_corrupt = 0 }: Result<'system.health'>): string {
  if (status !== 'degraded') return status === 'ok' ? 'healthy' : status
  return hosts_online > 0 && journal_corrupt === 0 ? 'healthy' : status
}

function cpuMicros(): number {
  const { user, system } = process.cpuUsage()
  return user + system
}
