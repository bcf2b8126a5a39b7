/** The worker of the plain broker: answers each request with its own body. */
import { Dealer } from 'zeromq'
import { optionsOf, serve } from './serve.ts'

const socket = new Dealer({ linger: 0 })
socket.connect(optionsOf<{ endpoint: string }>().endpoint)
serve({})
for await (const frames of socket) await socket.send(frames)
