/**
 * Binds sockets of libzmq: to the I/O thread of their side, because the network has one of its own, so that its
 * handshakes and its encryption take no time from the users of this machine.
 */
import type { Side } from './router-socket.ts'

/** What is used of the context of zeromq.js. */
interface Context {
  ioThreads: number
}

/** What is used of a socket of zeromq.js. */
interface Socket {
  affinity: number
}

interface Bindable extends Socket {
  bind(endpoint: string): Promise<void>
}

const THREADS: Readonly<Record<Side, number>> = { local: 0b01, network: 0b10 }
const EVERY = 0

/** Has no effect once there are sockets: then one thread serves everybody. */
export function splitThreads(context: Context): void {
  context.ioThreads = 2
}

/** libzmq looks at the affinity of a socket at each bind and connect, for all that comes of it. */
export function onThreadOf<T>(side: Side, socket: Socket, work: () => T): T {
  socket.affinity = THREADS[side]
  try {
    return work()
  } catch (error) {
    if (!isNoThread(error)) throw error
    socket.affinity = EVERY
    return work()
  }
}

export async function bindApart(socket: Bindable, endpoint: string, side: Side): Promise<void> {
  socket.affinity = THREADS[side]
  try {
    await socket.bind(endpoint)
  } catch (error) {
    if (!isNoThread(error)) throw error
    socket.affinity = EVERY
    await socket.bind(endpoint)
  }
}

/** Sockets of before in this process have fixed the number of threads to one. */
function isNoThread(error: unknown): boolean {
  return codeOf(error) === 'EMTHREAD'
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
