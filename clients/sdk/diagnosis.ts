/** Why no broker answers: a look at the endpoint from outside ZeroMQ, which would only keep silent. */
import { stat } from 'node:fs/promises'
import { connect, type NetConnectOpts } from 'node:net'
import { ipcPath } from '../../protocol/endpoints.ts'

const PROBE_MS = 1000

/** One clause for the reason of UNREACHABLE. */
export async function diagnose(
  endpoint: string,
  trouble: string | undefined,
  fingerprint?: string,
): Promise<string> {
  const path = ipcPath(endpoint)
  const found =
    path === undefined ? await diagnoseTcp(endpoint, fingerprint) : await diagnoseIpc(path)
  return trouble === undefined ? found : `${found}; last heard: ${trouble}`
}

async function diagnoseIpc(path: string): Promise<string> {
  const missing = await stat(path).then(
    () => undefined,
    (error: unknown) => codeOf(error),
  )
  if (missing === 'ENOENT') return `there is no socket file ${path}: no broker was started here`
  if (missing !== undefined) return `${path} cannot be looked at (${missing})`
  const refused = await probe({ path })
  switch (refused) {
    case undefined:
      return `somebody listens on ${path} but does not answer: a stopped or wedged broker, or not agentmq`
    case 'ECONNREFUSED':
      return `the socket file ${path} is stale: nobody listens on it any more`
    case 'EACCES':
      return `this user may not open ${path}`
    default:
      return `${path} cannot be opened (${refused})`
  }
}

async function diagnoseTcp(endpoint: string, fingerprint?: string): Promise<string> {
  const [, host = '', port = ''] = /^tcp:\/\/\[?(.+?)\]?:(\d+)$/.exec(endpoint) ?? []
  if (port === '') return 'the endpoint names no host and port'
  const refused = await probe({ host, port: Number(port) })
  switch (refused) {
    case undefined:
      return `somebody listens on ${host}:${port} but does not answer: ${suspicion(fingerprint)}`
    case 'ECONNREFUSED':
      return `nobody listens on port ${port} of ${host}: wrong port, or no broker there`
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `the name ${host} cannot be resolved`
    case 'ETIMEDOUT':
      return `${host} does not answer at all: wrong address, or a firewall`
    default:
      return `${host}:${port} cannot be reached (${refused})`
  }
}

/** What silence most often means: ZeroMQ tells neither side of a key that does not fit. */
function suspicion(fingerprint: string | undefined): string {
  if (fingerprint === undefined) {
    return 'it wants a key (--broker-key), or it is a wrong port, not agentmq, or a wedged broker'
  }
  return `the key of this machine, ${fingerprint}, is not approved there yet (\`agentmq keys pending\` shows it), or --broker-key is not its key, or it is a wrong port`
}

/** Connects and hangs up. The code of what went wrong; undefined when somebody took the connection. */
function probe(target: NetConnectOpts): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ ...target, timeout: PROBE_MS })
    const end = (code: string | undefined) => {
      socket.destroy()
      resolve(code)
    }
    socket.once('connect', () => end(undefined))
    socket.once('timeout', () => end('ETIMEDOUT'))
    socket.once('error', (error) => end(codeOf(error)))
  })
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error) return String(error.code)
  return String(error)
}
