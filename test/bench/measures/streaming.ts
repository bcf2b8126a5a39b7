/** What the measures of streams have in common: warm up, load, look at the processes. */
import type { OpenStreaming } from '../contestants/streams.ts'
import { latencyOf } from '../figures/percentiles.ts'
import type { Flood, Trickle } from '../programs/producer.ts'
import type { Bench, Contestant } from './measure.ts'

const floodCount = ({ isQuick }: Bench) => (isQuick ? 30_000 : 100_000)

/** As fast as it is taken; the value is chunks per second until the reader has the last one. */
export function flood(name: string, open: OpenStreaming): Contestant {
  return {
    name,
    run: async (bench) => {
      const { producer, reader, middle } = await open(bench)
      const count = floodCount(bench)
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
      await producer.ask('trickle', { ...load, count })
      await reader.ask('until', { total: warmUp + count })
      const latencyMs = latencyOf(await reader.ask<number[]>('latencies'))
      return { value: latencyMs.p50, latencyMs }
    },
  }
}
