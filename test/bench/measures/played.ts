/** Chunks on a schedule from one producer to several readers: warmed up, then watched. */
import { type Latency, latencyOf } from '../figures/percentiles.ts'
import type { Trickle } from '../programs/producer.ts'
import type { Program } from '../stage/program.ts'
import { until } from '../stage/until.ts'

/** After the last chunk was acknowledged, so long may a reader take to have read them all, ms. */
const PATIENCE_MS = 30_000

export interface Play {
  readonly producer: Program
  readonly readers: readonly Program[]
  readonly load: Trickle
  /** Readers of each chunk; default: one. */
  readonly copies?: number
  /** When what counts begins. */
  readonly onWarm?: () => Promise<unknown>
}

export interface Played {
  /** Chunks that a reader never got, over all readers. */
  readonly missing: number
  /** From due to read. */
  readonly latencyMs: Latency
}

/** Chunks before those that count: one second of them. */
const warmUp = (load: Trickle): Trickle => ({ ...load, count: Math.ceil(load.perSecond) })

async function countOf(readers: readonly Program[]): Promise<number> {
  const counts = await Promise.all(readers.map((reader) => reader.ask<number>('count')))
  return counts.reduce((sum, count) => sum + count, 0)
}

/** Waits until the readers have so much together, or for as long as patience lasts. */
async function arrived(readers: readonly Program[], total: number): Promise<number> {
  await until(async () => (await countOf(readers)) >= total, PATIENCE_MS).catch(() => undefined)
  return countOf(readers)
}

export async function play(options: Play): Promise<Played> {
  const { producer, readers, load, copies = 1, onWarm } = options
  await Promise.all(readers.map((reader) => reader.ask('begin')))
  const first = warmUp(load)
  await producer.ask('trickle', first)
  const before = await arrived(readers, first.count * copies)
  await Promise.all(readers.map((reader) => reader.ask('watch')))
  await onWarm?.()
  await producer.ask('trickle', load)
  const all = before + load.count * copies
  const after = await arrived(readers, all)
  const latencies = await Promise.all(readers.map((reader) => reader.ask<number[]>('latencies')))
  return { missing: all - after, latencyMs: latencyOf(latencies.flat()) }
}
