/** Why no broker answers: a look at the endpoint from outside ZeroMQ, which would only keep silent. */
import { stat } from 'node:fs/promises'
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { ipcPath } from '../../protocol/endpoints.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { mismatchError } from '../../protocol/link/dialer.ts'

const PROBE_MS = 1000

/** What a client knows itself. */
export interface Heard {
  /** Why the transport does not let it in. */
  readonly problem: ProtocolError | undefined
  readonly trouble: string | undefined
  /** Whether it comes with a key. */
  readonly hasKeys: boolean
}

/** The error that says best what is the matter. */
export async function diagnose(endpoint: string, heard: Heard): Promise<ProtocolError> {
  const path = ipcPath(endpoint)
  if (path !== undefined) return unreachable(endpoint, await diagnoseIpc(path), heard)
  const [, host = '', port = ''] = /^tcp:\/\/\[?(.+?)\]?:(\d+)$/.exec(endpoint) ?? []
  if (port === '') return unreachable(endpoint, 'the endpoint names no host and port', heard)
  const problem = await problemAt(endpoint, { host, port: Number(port) }, heard)
  return problem ?? unreachable(endpoint, await diagnoseTcp(host, port), heard)
}

/** Keys are the matter only where somebody speaks ZMTP: a stopped broker takes connections and says nothing, too. */
async function problemAt(
  endpoint: string,
  target: NetConnectOpts,
  { problem, hasKeys }: Heard,
): Promise<ProtocolError | undefined> {
  const mechanism = await mechanismOf(target)
  if (mechanism === undefined) return undefined
  const isMatch = (mechanism === 'CURVE') === hasKeys
  return isMatch ? problem : mismatchError(endpoint, hasKeys, 'client')
}

function unreachable(endpoint: string, found: string, { trouble }: Heard): ProtocolError {
  const reason = trouble === undefined ? found : `${found}; last heard: ${trouble}`
  return new ProtocolError('UNREACHABLE', { endpoint, reason }, { where: 'client' })
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

async function diagnoseTcp(host: string, port: string): Promise<string> {
  const refused = await probe({ host, port: Number(port) })
  switch (refused) {
    case undefined:
      return `somebody listens on ${host}:${port} but does not answer: a stopped or wedged broker, a wrong port, or not agentmq`
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

/** Connects and hangs up. The code of what went wrong; undefined when somebody took the connection. */
function probe(target: NetConnectOpts): Promise<string | undefined> {
  return talk(target, (socket, end) => socket.once('connect', () => end(undefined)))
}

/** A greeting of ZMTP 3.1 (ZeroMQ RFC 37): signature, version, mechanism, as-server, filler. */
const GREETING_BYTES = 64
const MECHANISM = { from: 12, to: 32 } as const

function greeting(): Buffer {
  const bytes = Buffer.alloc(GREETING_BYTES)
  bytes.set([0xff, 0, 0, 0, 0, 0, 0, 0, 1, 0x7f, 3, 1])
  bytes.write('CURVE', MECHANISM.from, 'latin1')
  return bytes
}

/** The security mechanism of whoever listens there, as its greeting names it; undefined = it is no ZeroMQ. */
async function mechanismOf(target: NetConnectOpts): Promise<string | undefined> {
  let heard = Buffer.alloc(0)
  const refused = await talk(target, (socket, end) => {
    socket.once('connect', () => socket.write(greeting()))
    socket.once('end', () => end('EOF'))
    socket.on('data', (data: Buffer) => {
      heard = Buffer.concat([heard, data])
      if (heard.length >= MECHANISM.to) end(undefined)
    })
  })
  if (refused !== undefined || heard[0] !== 0xff || heard[9] !== 0x7f) return undefined
  return heard.toString('latin1', MECHANISM.from, MECHANISM.to).split('\0')[0]
}

/** A short conversation: the code of what went wrong, or undefined. */
function talk(
  target: NetConnectOpts,
  begin: (socket: Socket, end: (code: string | undefined) => void) => void,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(target)
    const timer = setTimeout(() => end('ETIMEDOUT'), PROBE_MS)
    const end = (code: string | undefined) => {
      clearTimeout(timer)
      socket.destroy()
      resolve(code)
    }
    socket.on('error', (error) => end(codeOf(error)))
    begin(socket, end)
  })
}

function codeOf(error: unknown): string {
  if (error instanceof Error && 'code' in error) return String(error.code)
  return String(error)
}
