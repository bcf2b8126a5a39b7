/** Checks of the socket of a local broker: missing, stale, or taken over by a process that does not own it. */
import { readFile, stat } from 'node:fs/promises'
import { connect } from 'node:net'
import { ipcPath } from '../../../protocol/endpoints.ts'
import { type Finding, ok, problem, warning } from './finding.ts'

const PROBE_MS = 1000

/** What the file of the owner says of it; see broker/ownership.ts. */
export interface Owner {
  readonly pid: number
  readonly isAlive: boolean
}

export async function checkSocket(endpoint: string): Promise<Finding[]> {
  const path = ipcPath(endpoint)
  if (path === undefined) return []
  const check = 'socket'
  const found = await stat(path).catch(() => undefined)
  if (!found) return [problem(check, `there is no ${path}`, 'start a broker with `agentmq up`')]
  if (!found.isSocket()) {
    return [problem(check, `${path} is no socket`, 'move it away, and start the broker again')]
  }
  if ((found.mode & 0o022) !== 0) {
    const mode = (found.mode & 0o777).toString(8)
    return [warning(check, `others may write to ${path} (mode ${mode})`, `chmod 600 ${path}`)]
  }
  const owner = await ownerOf(path)
  const isListening = await listens(path)
  if (owner && (await isStopped(owner.pid))) {
    const found = `process ${owner.pid}, which owns ${path}, is stopped`
    return [problem(check, found, `let it go on: kill -CONT ${owner.pid}`)]
  }
  if (isListening) return [ok(check, `${path}${owner ? `, of process ${owner.pid}` : ''}`)]
  if (owner?.isAlive) {
    const advice = `look at its log; end process ${owner.pid} if it is stuck, and start it again`
    return [problem(check, `process ${owner.pid} owns ${path} but does not listen on it`, advice)]
  }
  return [problem(check, `${path} is stale: its broker is gone`, 'start a broker; it clears it')]
}

/** Who answers should be who owns the path: a second bind of ZeroMQ takes a live path over silently. */
export async function checkTakeover(endpoint: string, answering: number): Promise<Finding[]> {
  const path = ipcPath(endpoint)
  const owner = path === undefined ? undefined : await ownerOf(path)
  if (!owner?.isAlive || owner.pid === answering) return []
  const found = `process ${owner.pid} owns ${path}, but process ${answering} answers there`
  return [problem('socket', found, 'end both, and start one broker')]
}

async function ownerOf(path: string): Promise<Owner | undefined> {
  const text = await readFile(`${path}.owner`, 'latin1').catch(() => '')
  const pid = Number.parseInt(text, 10)
  return pid > 0 ? { pid, isAlive: isAlive(pid) } : undefined
}

/** By a signal, or by a debugger (proc(5)). */
async function isStopped(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'latin1').catch(() => '')
  return /^[Tt]/.test(stat.slice(stat.lastIndexOf(')') + 2))
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (thrown) {
    return thrown instanceof Error && 'code' in thrown && thrown.code === 'EPERM'
  }
}

function listens(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ path, timeout: PROBE_MS })
    const end = (answer: boolean) => {
      socket.destroy()
      resolve(answer)
    }
    socket.once('connect', () => end(true))
    socket.once('timeout', () => end(false))
    socket.once('error', () => end(false))
  })
}
