/** Reads one message for each chunk from a PULL socket. */
import { Pull } from 'zeromq'
import type { RawPlace } from '../transports.ts'
import type { OnText, StartReading } from './reader.ts'

export async function zeromqReader(
  { endpoint, server, client }: RawPlace,
  attach: 'bind' | 'connect',
): Promise<StartReading> {
  const socket = new Pull({ linger: 0, ...(attach === 'bind' ? server : client) })
  if (attach === 'bind') await socket.bind(endpoint)
  else socket.connect(endpoint)
  return async (onText) => {
    void read(socket, onText)
    return { gaps: 0, stop: async () => socket.close() }
  }
}

async function read(socket: Pull, onText: OnText): Promise<void> {
  for await (const [frame] of socket) onText(frame?.toString('latin1') ?? '')
}
