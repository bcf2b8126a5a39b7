/** The process that makes requests, of whichever kind, under the loads that all kinds share. */
import { agentmqCaller } from '../callers/agentmq.ts'
import type { Caller, CallerOptions } from '../callers/caller.ts'
import { jetStreamGetCaller, natsCaller } from '../callers/nats.ts'
import { redisGetCaller } from '../callers/redis.ts'
import { zeromqCaller } from '../callers/zeromq.ts'
import {
  inWindow,
  oneByOne,
  onSchedule,
  type ScheduledLoad,
  type WindowLoad,
} from '../load/calls.ts'
import { optionsOf, serve } from './serve.ts'

async function open(options: CallerOptions): Promise<Caller> {
  switch (options.kind) {
    case 'agentmq':
      return agentmqCaller(options)
    case 'zeromq':
      return zeromqCaller(options.place)
    case 'nats':
      return natsCaller(options.cache, options.url)
    case 'jetstream-get':
      return jetStreamGetCaller(options.cache, options.url)
    case 'redis-get':
      return redisGetCaller(options.cache, options.path)
  }
}

const { call } = await open(optionsOf<CallerOptions>())
serve({
  window: (load: WindowLoad) => inWindow(call, load),
  oneByOne: (load: { count: number }) => oneByOne(call, load),
  schedule: (load: ScheduledLoad) => onSchedule(call, load),
})
