/**
 * Which I/O thread of libzmq serves whom: the network has one of its own, so that its handshakes and its
 * encryption take no time from the users of this machine.
 */
import type { Side } from './router-socket.ts'

/** What is used of the context of zeromq.js. */
interface Context {
  ioThreads: number
}

/** What is used of a socket of zeromq.js. */
interface Bindable {
  affinity: number
  bind(endpoint: string): Promise<void>
}

const THREADS: Readonly<Record<Side, number>> = { local: 0b01, network: 0b10 }
const EVERY = 0

/** Has no effect once there are sockets. */
export function splitThreads(context: Context): void {
  context.ioThreads = 2
}

/** libzmq looks at the affinity of a socket at each bind, for all connections of that endpoint. */
export async function bindApart(socket: Bindable, endpoint: string, side: Side): Promise<void> {
  socket.affinity = THREADS[side]
  try {
    await socket.bind(endpoint)
  } catch (error) {
    // Sockets of before in this process have fixed the number of threads.
    if (!(error instanceof Error && 'code' in error && error.code === 'EMTHREAD')) throw error
    socket.affinity = EVERY
    await socket.bind(endpoint)
  }
}
