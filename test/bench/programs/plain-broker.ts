/**
 * A ROUTER/DEALER broker as one writes it in an afternoon: one message for each request, no checks, no
 * deadlines, no journal. What agentmq's broker costs or gains is held against it.
 */
import { Dealer, Router } from 'zeromq'
import { optionsOf, serve } from './serve.ts'

const { clients, workers } = optionsOf<{ clients: string; workers: string }>()
const front = new Router({ linger: 0 })
const back = new Dealer({ linger: 0 })
await front.bind(clients)
await back.bind(workers)
serve({})

async function pass(from: AsyncIterable<Buffer[]>, to: Router | Dealer): Promise<void> {
  for await (const frames of from) await to.send(frames)
}

await Promise.all([pass(front, back), pass(back, front)])
