/** The process in the middle of two raw hops: what comes on PULL goes out on PUSH. */
import { Pull, Push } from 'zeromq'
import { optionsOf, serve } from './serve.ts'

const { from, to } = optionsOf<{ from: string; to: string }>()
const source = new Pull({ linger: 0 })
const target = new Push({ linger: 0 })
await source.bind(from)
await target.bind(to)
serve({})
for await (const frames of source) await target.send(frames)
