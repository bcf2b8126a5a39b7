/** The responder of NATS request/reply: answers each request with its own body. */
import { SUBJECT } from '../callers/nats.ts'
import { connectNats } from '../callers/nats-client.ts'
import { optionsOf, serve } from './serve.ts'

const { cache, url } = optionsOf<{ cache: string; url: string }>()
const connection = await connectNats(cache, url)
connection.subscribe(SUBJECT, { callback: (_error, message) => message.respond(message.data) })
await connection.flush()
serve({})
