/** What the measures of streams have in common: warm up, load, look at the processes. */
import { type OpenStreaming, producerOf } from '../contestants/streams.ts'
import { type Latency, latencyOf } from '../figures/percentiles.ts'
import type { ProducerOptions } from '../producers/producer.ts'
import type { Flood, Trickle } from '../programs/producer.ts'
import type { Bench, Contestant } from './measure.ts'

const floodCount = ({ isQuick }: Bench) => (isQuick ? 30_000 : 100_000)

/**
 * As fast as it is taken; the value is chunks per second until the reader has the last one. Who is slow
 * does a share of the work.
 */
export function flood(name: string, open: OpenStreaming, share = 1): Contestant {
  return {
    name,
    run: async (bench) => {
      const { producer, reader, middle } = await open(bench)
      const count = floodCount(bench) * share
      const warmUp = count / 5
      await reader.ask('begin')
      await producer.ask('flood', { count: warmUp })
      await reader.ask('until', { total: warmUp })
      const { result, cpuSeconds } = await bench.stage.cpuOf(async () => {
        const readAt = reader.ask<number>('until', { total: warmUp + count })
        const { startedAt, acknowledgedAt } = await producer.ask<Flood>('flood', { count })
        return { startedAt, acknowledgedAt, readAt: await readAt }
      })
      const { startedAt, acknowledgedAt, readAt } = result
      return {
        value: (count / (Math.max(acknowledgedAt, readAt) - startedAt)) * 1000,
        cpuSeconds: (cpuSeconds / count) * 100_000,
        peakMb: bench.stage.peakMb(middle),
        more: { 'acknowledged/s': (count / (acknowledgedAt - startedAt)) * 1000 },
      }
    },
  }
}

/** At times that do not depend on the system; the value is the median from due to read, ms. */
export function trickle(name: string, open: OpenStreaming, perSecond: number): Contestant {
  return {
    name,
    run: async (bench) => {
      const { producer, reader } = await open(bench)
      const count = perSecond * (bench.isQuick ? 2 : 5)
      const warmUp = perSecond
      const load: Trickle = { perSecond, count: warmUp, seed: 1, streams: 1 }
      await reader.ask('begin')
      await producer.ask('trickle', load)
      await reader.ask('until', { total: warmUp })
      await reader.ask('watch')
      const acknowledged = await producer.ask<Latency>('trickle', { ...load, count })
      await reader.ask('until', { total: warmUp + count })
      const latencyMs = latencyOf(await reader.ask<number[]>('latencies'))
      return { value: latencyMs.p50, latencyMs, more: { 'acknowledged p50': acknowledged.p50 } }
    },
  }
}

const fileOf = ({ stage }: Bench): ProducerOptions => ({ kind: 'file', path: `${stage.dir}/file` })

/** What the disk takes at once, without anybody who reads it; the value is chunks per second. */
export const diskFlood: Contestant = {
  name: 'disk',
  run: async (bench) => {
    const producer = await producerOf(bench, fileOf(bench))
    const count = floodCount(bench)
    await producer.ask('flood', { count: count / 5 })
    const { result, cpuSeconds } = await bench.stage.cpuOf(() =>
      producer.ask<Flood>('flood', { count }),
    )
    const seconds = (result.acknowledgedAt - result.startedAt) / 1000
    return { value: count / seconds, cpuSeconds: (cpuSeconds / count) * 100_000 }
  },
}

/** The same on a schedule; the value is the median until it is synced, ms. */
export function diskTrickle(perSecond: number): Contestant {
  return {
    name: 'disk',
    run: async (bench) => {
      const producer = await producerOf(bench, fileOf(bench))
      const load: Trickle = { perSecond, count: perSecond, seed: 1, streams: 1 }
      await producer.ask('trickle', load)
      const count = perSecond * (bench.isQuick ? 2 : 5)
      const latencyMs = await producer.ask<Latency>('trickle', { ...load, count })
      return { value: latencyMs.p50, latencyMs }
    },
  }
}
