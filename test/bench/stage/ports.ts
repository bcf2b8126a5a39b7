/** Ports of 127.0.0.1, and whether somebody listens. */
import { once } from 'node:events'
import { connect, createServer } from 'node:net'

/** A port that nobody has at this moment. */
export async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  server.close()
  await once(server, 'close')
  if (address === null || typeof address === 'string') throw new Error('no port was given')
  return address.port
}

/** Whether a connection to this port, or Unix socket, is taken. */
export function isListening(place: number | string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(
      typeof place === 'number' ? { port: place, host: '127.0.0.1' } : { path: place },
    )
    const end = (is: boolean) => {
      socket.destroy()
      resolve(is)
    }
    socket.once('connect', () => end(true))
    socket.once('error', () => end(false))
  })
}
