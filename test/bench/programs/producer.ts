/** The process that appends to streams, of whichever kind: as much as is taken, or on a schedule. */
import { type Latency, latencyOf } from '../figures/percentiles.ts'
import { seeded } from '../figures/seeded.ts'
import { machineNow } from '../load/clock.ts'
import { keepTime } from '../load/metronome.ts'
import { openSchedule } from '../load/open-schedule.ts'
import { chunkText } from '../load/text.ts'
import { type Ticks, tick } from '../load/ticks.ts'
import { agentmqProducer } from '../producers/agentmq.ts'
import { fileProducer } from '../producers/file.ts'
import { jetStreamProducer, natsProducer } from '../producers/nats.ts'
import type { Producer, ProducerOptions } from '../producers/producer.ts'
import { redisProducer } from '../producers/redis.ts'
import { zeromqProducer } from '../producers/zeromq.ts'
import { optionsOf, serve } from './serve.ts'

/** Messages that are not acknowledged. */
const IN_FLIGHT = 4096

const options = optionsOf<ProducerOptions>()

async function open(): Promise<Producer & { sessions?(): readonly string[] }> {
  switch (options.kind) {
    case 'agentmq':
      return agentmqProducer(options)
    case 'jetstream':
      return jetStreamProducer(options.cache, options.url)
    case 'nats':
      return natsProducer(options.cache, options.url)
    case 'redis':
      return redisProducer(options.cache, options.path)
    case 'file':
      return fileProducer(options.path)
    case 'zeromq':
      return zeromqProducer(options.place, options.attach)
  }
}

const producer = await open()

export interface Flood {
  readonly startedAt: number
  readonly acknowledgedAt: number
}

export interface Trickle {
  readonly perSecond: number
  readonly count: number
  readonly seed: number
  readonly streams: number
}

export interface FloodLoad {
  readonly count: number
  /** Over which it goes in turn; default: one. */
  readonly streams?: number
  /** Of one text; default: as the deltas of a CLI. */
  readonly bytes?: number
  /** Not acknowledged at once; default: more than any contestant needs to be busy all the time. */
  readonly inFlight?: number
}

async function flood(load: FloodLoad): Promise<Flood> {
  const { count, streams = 1, bytes, inFlight = IN_FLIGHT } = load
  const startedAt = machineNow()
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < count) {
      const stream = next % streams
      next += 1
      await producer.append(chunkText(machineNow(), bytes), stream)
    }
  }
  await Promise.all(Array.from({ length: inFlight }, lane))
  return { startedAt, acknowledgedAt: machineNow() }
}

/** Each text says when it was due, so that readers count from then. Tells how long acknowledgements took. */
async function trickle({ perSecond, count, seed, streams }: Trickle): Promise<Latency> {
  const due = openSchedule({ perSecond, count, random: seeded(seed) })
  const running: Promise<unknown>[] = []
  const latencies: number[] = []
  await keepTime(due, (index, dueAt) => {
    const acknowledged = () => latencies.push(machineNow() - dueAt)
    running.push(producer.append(chunkText(dueAt), index % streams).then(acknowledged))
  })
  await Promise.all(running)
  return latencyOf(latencies)
}

/** Each text says when it was written. */
async function ticks(wanted: Ticks): Promise<void> {
  await tick(wanted, seeded(1), (text) => void producer.append(text, 0))
}

serve({ flood, trickle, ticks, sessions: () => producer.sessions?.() ?? [] })
