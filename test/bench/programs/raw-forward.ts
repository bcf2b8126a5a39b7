/** The process in the middle of two raw hops: what comes on PULL goes out on PUSH. */
import { Pull, Push } from 'zeromq'
import type { RawPlace } from '../transports.ts'
import { optionsOf, serve } from './serve.ts'

const { from, to } = optionsOf<{ from: RawPlace; to: RawPlace }>()
const source = new Pull({ linger: 0, ...from.server })
const target = new Push({ linger: 0, ...to.server })
await source.bind(from.endpoint)
await target.bind(to.endpoint)
serve({})
for await (const frames of source) await target.send(frames)
