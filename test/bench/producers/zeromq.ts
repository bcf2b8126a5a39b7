/** One message for each chunk on a PUSH socket; acknowledged is what the socket has taken. */
import { Push } from 'zeromq'
import type { RawPlace } from '../transports.ts'
import type { Producer } from './producer.ts'

export async function zeromqProducer(
  { endpoint, server, client }: RawPlace,
  attach: 'bind' | 'connect',
): Promise<Producer> {
  const socket = new Push({ linger: 0, ...(attach === 'bind' ? server : client) })
  if (attach === 'bind') await socket.bind(endpoint)
  else socket.connect(endpoint)
  let sent: Promise<void> = Promise.resolve()
  return {
    append: (text) => {
      sent = sent.then(() => socket.send(text)) // zeromq.js refuses a second send while one waits
      return sent
    },
  }
}
