/** Whether a broker answers already, so that `agentmq up` can say so in place of failing later. */
import { existsSync } from 'node:fs'
import { ipcPath } from '../../../protocol/endpoints.ts'
import { ProtocolError } from '../../../protocol/errors.ts'

const PROBE_MS = 1000

/** Throws IN_USE with the pid of a broker that answers at the endpoint. */
export async function refuseRunningBroker(endpoint: string, software: string): Promise<void> {
  const pid = await brokerPid(endpoint, software)
  if (pid === undefined) return
  throw new ProtocolError(
    'IN_USE',
    { what: endpoint, owner: `a running broker (pid ${pid})` },
    { where: 'cli' },
  )
}

/** Undefined when nobody answers: also at a socket file that a killed broker left behind. */
export async function brokerPid(endpoint: string, software: string): Promise<number | undefined> {
  const path = ipcPath(endpoint)
  if (path !== undefined && !existsSync(path)) return undefined
  const { connect } = await import('../../sdk/index.ts') // when nothing is there, nothing is loaded
  try {
    const client = await connect({ endpoint, software, connectTimeoutMs: PROBE_MS })
    try {
      return (await client.call('system.info', {})).pid
    } finally {
      await client.close()
    }
  } catch (thrown) {
    if (thrown instanceof ProtocolError && thrown.code === 'UNREACHABLE') return undefined
    throw thrown
  }
}
