/** The file of a Unix socket, ours alone: mode 0600, never taken from one who listens, a stale one cleaned away. */
import { chmod, lstat, mkdir, unlink } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { dirname } from 'node:path'
import { MAX_IPC_PATH_BYTES } from '../../protocol/endpoints.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { bindError } from './bind-error.ts'

/** Listens on a path, whose directories are made. Rejects with IN_USE or BAD_CONFIG. */
export async function listenOn(server: Server, path: string): Promise<void> {
  checkSocketPath(path)
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await removeStale(path)
    await bind(server, path)
    await chmod(path, 0o600)
  } catch (cause) {
    throw bindError(path, cause)
  }
}

/** Throws BAD_CONFIG for a path that no socket can have. */
export function checkSocketPath(path: string): void {
  const length = Buffer.byteLength(path)
  if (length <= MAX_IPC_PATH_BYTES) return
  const reason = `it has ${length} bytes, and the path of a socket may have ${MAX_IPC_PATH_BYTES}`
  throw new ProtocolError('BAD_CONFIG', { source: path, reason }, { where: 'client' })
}

/** A socket of ours that nobody listens on was left by one who is gone. */
async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (found === undefined) return
  if (!found.isSocket() || found.uid !== process.getuid?.()) {
    throw inUse(path, 'a file that is not our socket')
  }
  if (await isAnswered(path)) throw inUse(path, 'another process')
  await unlink(path)
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path)
    const end = (isAlive: boolean): void => {
      probe.destroy()
      resolve(isAlive)
    }
    probe.once('connect', () => end(true)).once('error', () => end(false))
  })
}

/** The mask keeps others out between the making of the file and its mode. */
function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    const mask = process.umask(0o177) // the file is made within this call
    try {
      server.listen(path, () => {
        server.off('error', reject)
        resolve()
      })
    } finally {
      process.umask(mask)
    }
  })
}

function inUse(what: string, owner: string): ProtocolError {
  return new ProtocolError('IN_USE', { what, owner }, { where: 'client' })
}
