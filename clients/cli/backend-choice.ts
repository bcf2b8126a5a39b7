/** Which backend a chat uses when none is named: claude where a host has it, else the demo agent. */
import { ProtocolError } from '../../protocol/errors.ts'
import type { HostInfo } from '../../protocol/methods/types.ts'

export interface BackendChoice {
  readonly backend: string
  /** One line: what was chosen and why. */
  readonly because: string
}

const FIRST_CHOICE = 'claude'
const FALLBACK = 'demo'

/** Throws NO_HOST when there is nobody to run an agent at all. */
export function chooseBackend(hosts: readonly HostInfo[]): BackendChoice {
  const online = hosts.filter((host) => host.status === 'online')
  if (online.length === 0) {
    const reason = hosts.length === 0 ? 'none has registered' : 'none of them is online'
    throw new ProtocolError('NO_HOST', { reason }, { where: 'cli' })
  }
  const offers = online.flatMap((host) => host.backends.map((backend) => ({ host, backend })))
  const wanted = offers.filter(({ backend }) => backend.name === FIRST_CHOICE)
  const found = wanted.find(({ backend }) => backend.available)
  if (found) {
    const { backend, host } = found
    return { backend: FIRST_CHOICE, because: `${backend.title} ${backend.version} on ${host.name}` }
  }
  const reason = wanted[0]?.backend.reason || 'no host offers it'
  return {
    backend: FALLBACK,
    because: `the demo agent, because ${FIRST_CHOICE} is not available: ${reason}`,
  }
}
