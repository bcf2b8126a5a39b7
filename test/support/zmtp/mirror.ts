/**
 * A server that agrees to whatever its peer speaks, and remembers every byte: what a peer says to whoever stands
 * in the place of the broker and has no key of it.
 */
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'
import type { Test } from 'tap'
import { command, frame, GREETING_BYTES, greeting, properties } from './wire.ts'

const VERSION_ENDS = 12
const MECHANISM_ENDS = 32

export interface Mirror {
  readonly endpoint: string
  /** All that was said to it. */
  readonly heard: Buffer
  /** Resolves once a peer has said more than its greeting. */
  readonly spoken: Promise<void>
}

/** Ends with the test. `socketType` is what it says to be. */
export async function mirror(t: Test, socketType: 'ROUTER' | 'XPUB'): Promise<Mirror> {
  const heard: Buffer[] = []
  let speak: () => void = () => {}
  const spoken = new Promise<void>((resolve) => {
    speak = resolve
  })
  const server = createServer((socket) => {
    let said: Buffer = Buffer.alloc(0)
    // Peers tell the rest of their greeting to whoever has told its version.
    socket.write(greeting('').subarray(0, VERSION_ENDS))
    socket.on('error', () => undefined)
    socket.on('data', (bytes) => {
      heard.push(bytes)
      const before = said.length
      said = Buffer.concat([said, bytes])
      if (before < GREETING_BYTES && said.length >= GREETING_BYTES) agree(socket, said, socketType)
      if (said.length > GREETING_BYTES) speak()
    })
    t.teardown(() => socket.destroy())
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  return {
    endpoint: `tcp://127.0.0.1:${port}`,
    get heard() {
      return Buffer.concat(heard)
    },
    spoken,
  }
}

function agree(socket: Socket, said: Buffer, socketType: string): void {
  const mechanism = said.toString('latin1', VERSION_ENDS, MECHANISM_ENDS).replaceAll('\0', '')
  socket.write(greeting(mechanism).subarray(VERSION_ENDS))
  const ready = command('READY', properties([['Socket-Type', socketType]]))
  if (mechanism === 'NULL') socket.write(frame(ready, { isCommand: true }))
}
