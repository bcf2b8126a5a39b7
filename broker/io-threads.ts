/**
 * Binds sockets of libzmq: to the I/O thread of their side, because the network has one of its own, so that its
 * handshakes and its encryption take no time from the users of this machine.
 */
import { quietly } from './curve.ts'
import type { Side } from './router-socket.ts'

/** What is used of the context of zeromq.js. */
interface Context {
  ioThreads: number
}

/** What is used of a socket of zeromq.js. */
interface Socket {
  affinity: number
}

const THREADS: Readonly<Record<Side, number>> = { local: 0b01, network: 0b10 }
const EVERY = 0

/** Has no effect once there are sockets: then one thread serves everybody. */
export function splitThreads(context: Context): void {
  context.ioThreads = 2
}

/** libzmq looks at the affinity of a socket at each bind and connect, for all that comes of it. */
export function onThreadOf<T>(side: Side, socket: Socket, work: () => T): T {
  quietly(() => {
    socket.affinity = THREADS[side]
  })
  try {
    return work()
  } catch (error) {
    if (!isNoThread(error)) throw error
    quietly(() => {
      socket.affinity = EVERY
    })
    return work()
  }
}

/**
 * Binds at once. `bind` and `unbind` of zeromq.js work in another thread, while this one may look at the same
 * socket: with messages under way, some of them never ended.
 */
export function bindApart(socket: Socket, endpoint: string, side: Side): void {
  onThreadOf(side, socket, () => native(socket).bindSync(endpoint))
}

/**
 * Takes no new connections; libzmq ends those of before, which dial again by themselves. `disconnect` and `unbind` are
 * two names of one function of libzmq, and this one ends at once.
 */
export function stopListening(socket: Connectable, endpoint: string): void {
  socket.disconnect(endpoint)
}

interface Connectable {
  disconnect(endpoint: string): void
}

/** zeromq.js 6.8 has it, and does not name it in its types. */
interface NativeSocket {
  bindSync(endpoint: string): void
}

function native(socket: Socket): NativeSocket {
  return socket as unknown as NativeSocket
}

/** Sockets of before in this process have fixed the number of threads to one. */
function isNoThread(error: unknown): boolean {
  return codeOf(error) === 'EMTHREAD'
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}
