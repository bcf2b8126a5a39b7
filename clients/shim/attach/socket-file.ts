/** A Unix socket file that is ours alone: mode 0600, never taken from a live owner, a stale one cleaned away. */
import { lstatSync, unlinkSync } from 'node:fs'
import { connect, type Server } from 'node:net'
import { ProtocolError } from '../../../protocol/errors.ts'

/** Bytes of a path that `sockaddr_un` can hold, without the closing zero. */
export const MAX_PATH_BYTES = 107

/** Resolves when the server listens. Rejects with IN_USE or BAD_CONFIG. */
export async function listenOn(server: Server, path: string): Promise<void> {
  checkPath(path)
  await clearStale(path)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(cannotListen(path, cause)))
    const umask = process.umask(0o177) // the file is made within this call
    try {
      server.listen(path, resolve)
    } finally {
      process.umask(umask)
    }
  })
}

/** Throws BAD_CONFIG for a path that no socket can have. */
export function checkPath(path: string): void {
  const length = Buffer.byteLength(path)
  if (length <= MAX_PATH_BYTES) return
  const reason = `${path} has ${length} bytes, and a socket may have ${MAX_PATH_BYTES}`
  throw new ProtocolError('BAD_CONFIG', { source: 'attach_dir', reason }, { where: 'client' })
}

/** Rejects with IN_USE when somebody listens there, or when it is no socket of ours. */
async function clearStale(path: string): Promise<void> {
  const file = lstatSync(path, { throwIfNoEntry: false })
  if (!file) return
  const isOurs = file.isSocket() && file.uid === process.getuid?.()
  if (!isOurs) throw inUse(path, 'a file that is not our socket')
  if (await isAlive(path)) throw inUse(path, 'another process')
  unlinkSync(path)
}

function isAlive(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(path)
    const end = (alive: boolean) => {
      probe.destroy()
      resolve(alive)
    }
    probe.once('connect', () => end(true)).once('error', () => end(false))
  })
}

function cannotListen(path: string, cause: NodeJS.ErrnoException): ProtocolError {
  if (cause.code === 'EADDRINUSE') return inUse(path, 'another process')
  const details = { source: 'attach_dir', reason: cause.message }
  return new ProtocolError('BAD_CONFIG', details, { where: 'client', cause })
}

function inUse(what: string, owner: string): ProtocolError {
  return new ProtocolError('IN_USE', { what, owner }, { where: 'client' })
}
