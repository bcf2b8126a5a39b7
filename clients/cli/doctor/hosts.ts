/** Checks of the hosts: the four levels of being well, each with its evidence, and the agents that they offer. */
import type { Client, HostInfo } from '../../sdk/index.ts'
import { duration } from '../render/durations.ts'
import { type Finding, ok, problem, warning } from './finding.ts'

const LATE_LOOP_MS = 250

export async function checkHosts(client: Client, signal: AbortSignal): Promise<Finding[]> {
  const { hosts } = await client.call('host.list', {}, { signal })
  if (hosts.length === 0) {
    return [problem('hosts', 'none is connected: no agent can run', 'start one: `agentmq host`')]
  }
  return hosts.flatMap((host) => [checkHost(host), ...checkBackends(host)])
}

/** Transport first: what stands above a level that fails cannot be seen. */
function checkHost(host: HostInfo): Finding {
  const check = `host ${host.name}`
  if (host.status === 'offline') {
    const found = `is not connected since ${new Date(host.since).toISOString()}`
    return problem(check, found, 'start it again there; its sessions can be recovered')
  }
  if (host.status === 'silent') {
    const found = `is connected, but its event loop says nothing for ${duration(host.heard_ms)}`
    return problem(check, found, `look at process ${host.pid} there: stopped, or busy?`)
  }
  if (host.loop_lag_ms > LATE_LOOP_MS) {
    const found = `its event loop is ${duration(host.loop_lag_ms)} late`
    return warning(check, found, 'look at the load of that machine')
  }
  if (host.draining) return warning(check, 'is being drained', `agentmq undrain ${host.name}`)
  if (host.used >= host.slots) {
    const found = `all ${host.slots} slots are taken`
    return warning(check, found, 'stop a session, or raise --slots')
  }
  return ok(check, `online, ${host.used} of ${host.slots} slots taken`)
}

function checkBackends({ name, backends }: HostInfo): Finding[] {
  const check = `agents of ${name}`
  const found = backends.filter(({ available }) => available)
  const titles = found.map((one) => (one.version ? `${one.name} ${one.version}` : one.name))
  const real = found.filter((one) => one.name !== 'demo')
  if (real.length > 0) return [ok(check, titles.join(', '))]
  const reason = backends.find((one) => !one.available && one.reason !== '')?.reason ?? ''
  const advice = `install Claude Code, Codex, OpenCode or Gemini CLI there${reason && ` (${reason})`}`
  return [warning(check, `nothing but the demo agent`, advice)]
}
