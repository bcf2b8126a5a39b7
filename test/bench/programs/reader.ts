/** The process that reads streams, of whichever kind. */
import { agentmqReader } from '../readers/agentmq.ts'
import { Arrivals } from '../readers/arrivals.ts'
import { jetStreamReader, natsReader } from '../readers/nats.ts'
import { pipeReader } from '../readers/pipe.ts'
import type { ReaderOptions, Reading, StartReading } from '../readers/reader.ts'
import { redisReader } from '../readers/redis.ts'
import { zeromqReader } from '../readers/zeromq.ts'
import { optionsOf, serve } from './serve.ts'

async function open(options: ReaderOptions): Promise<StartReading> {
  switch (options.kind) {
    case 'agentmq':
      return agentmqReader(options)
    case 'jetstream':
      return jetStreamReader(options.cache, options.url)
    case 'nats':
      return natsReader(options.cache, options.url, options.streams)
    case 'redis':
      return redisReader(options.cache, options.path)
    case 'pipe':
      return pipeReader(options.ticks)
    case 'zeromq':
      return zeromqReader(options.place, options.attach)
  }
}

const start = await open(optionsOf<ReaderOptions>())
let arrivals = new Arrivals()
let reading: Reading | undefined

serve({
  /** From the first message on, also when it has read before. */
  begin: async () => {
    await reading?.stop()
    arrivals = new Arrivals()
    reading = await start(arrivals.arrived)
  },
  until: ({ total }: { total: number }) => arrivals.until(total),
  watch: () => arrivals.watch(),
  latencies: () => arrivals.latencies(),
  count: () => arrivals.count,
  gaps: () => reading?.gaps ?? 0,
})
