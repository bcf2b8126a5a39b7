/**
 * One holder of a name on this machine at a time. The lock is a socket in Linux' abstract namespace:
 * the kernel frees it when the holder dies, so none is ever stale, and waiting needs no polling.
 */

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'

function addressOf(name: string): string {
  return `\0agentmq-${createHash('sha256').update(name).digest('hex').slice(0, 24)}`
}

function isErrorWithCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

/** The listening server, or undefined when another holds the address. */
async function tryListen(address: string, waiting: Set<Socket>): Promise<Server | undefined> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    waiting.add(socket)
  })
  try {
    server.listen(address)
    await once(server, 'listening')
    return server
  } catch (error) {
    if (isErrorWithCode(error, 'EADDRINUSE')) return undefined
    throw error
  }
}

/** Resolves when the holder lets go, or dies. */
function holderLeaves(address: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(address)
    socket.on('error', () => {}) // 'close' follows, and says all there is to know
    socket.on('close', () => resolve())
    socket.resume()
  })
}

/** Runs `work` while holding `name`; `onWait` is called once if another holds it. */
export async function withLock<T>(
  name: string,
  work: () => Promise<T>,
  onWait: () => void = () => {},
): Promise<T> {
  const address = addressOf(name)
  const waiting = new Set<Socket>()
  let server = await tryListen(address, waiting)
  if (server === undefined) onWait()
  while (server === undefined) {
    await holderLeaves(address)
    server = await tryListen(address, waiting)
  }
  try {
    return await work()
  } finally {
    server.close()
    for (const socket of waiting) socket.destroy()
  }
}
