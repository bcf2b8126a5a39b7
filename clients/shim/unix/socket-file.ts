/** The file of a Unix socket: taken when nobody has it, never from one who listens. */
import { chmod, lstat, mkdir, unlink } from 'node:fs/promises'
import { connect, type Server } from 'node:net'
import { dirname } from 'node:path'
import { MAX_IPC_PATH_BYTES } from '../../../protocol/endpoints.ts'
import { ProtocolError } from '../../../protocol/errors.ts'
import { bindError } from '../bind-error.ts'

/** Listens on a path with mode 0600. Rejects with IN_USE or BAD_CONFIG. */
export async function listenOn(server: Server, path: string): Promise<void> {
  if (Buffer.byteLength(path) > MAX_IPC_PATH_BYTES) {
    const reason = `longer than the ${MAX_IPC_PATH_BYTES} bytes that a socket may have`
    throw new ProtocolError('BAD_CONFIG', { source: path, reason }, { where: 'client' })
  }
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 })
    await removeStale(path)
    await bind(server, path)
    await chmod(path, 0o600)
  } catch (cause) {
    throw bindError(path, cause)
  }
}

/** A file that nobody listens on was left by one who is gone. */
async function removeStale(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (found === undefined) return
  if (!found.isSocket()) {
    throw new ProtocolError('IN_USE', { what: path, owner: 'a file that is no socket' })
  }
  if (await isAnswered(path)) {
    throw new ProtocolError('IN_USE', { what: path, owner: 'another process' })
  }
  await unlink(path)
}

function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path)
    probe.once('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.once('error', () => resolve(false))
  })
}

/** The mask keeps others out between the making of the file and its mode. */
function bind(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const mask = process.umask(0o177)
    server.once('error', reject)
    server.listen(path, () => {
      server.off('error', reject)
      resolve()
    })
    process.umask(mask)
  })
}
