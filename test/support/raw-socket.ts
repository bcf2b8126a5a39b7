/** A connection on which a test writes bytes as they are, and reads until the other side is done. */
import { once } from 'node:events'
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import type { Test } from 'tap'

export interface RawSocket {
  readonly socket: Socket
  /** Everything that came, once the other side has closed. */
  readonly ended: Promise<string>
}

/** Ends with the test. */
export async function rawSocket(t: Test, options: NetConnectOpts): Promise<RawSocket> {
  const socket = connect({ ...options, allowHalfOpen: true } as NetConnectOpts)
  t.teardown(() => void socket.destroy())
  const parts: Buffer[] = []
  socket.on('data', (part) => parts.push(part))
  socket.on('error', () => undefined) // a reset is an end as well
  const ended = new Promise<string>((resolve) => {
    const tell = (): void => {
      resolve(Buffer.concat(parts).toString())
    }
    socket.once('end', tell)
    socket.once('close', tell)
  })
  await once(socket, 'connect')
  return { socket, ended }
}
