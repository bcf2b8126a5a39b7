/** One hop: a ROUTER that sends back what it gets. The least that zeromq.js can take for a reply. */
import { Router } from 'zeromq'
import type { RawPlace } from '../transports.ts'
import { optionsOf, serve } from './serve.ts'

const { endpoint, server } = optionsOf<RawPlace>()
const socket = new Router({ linger: 0, ...server })
await socket.bind(endpoint)
serve({})
for await (const frames of socket) await socket.send(frames)
