/** One hop: a ROUTER that sends back what it gets. The least that zeromq.js can take for a reply. */
import { Router } from 'zeromq'
import { optionsOf, serve } from './serve.ts'

const socket = new Router({ linger: 0 })
await socket.bind(optionsOf<{ endpoint: string }>().endpoint)
serve({})
for await (const frames of socket) await socket.send(frames)
