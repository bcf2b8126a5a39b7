/** Chunks of 20 B to 1 MB, from a host to a live reader. */
import { agentmqStreaming, producerOf } from '../contestants/streams.ts'
import { median } from '../figures/percentiles.ts'
import type { Bench } from '../measures/measure.ts'
import type { Flood, FloodLoad } from '../programs/producer.ts'
import { figure } from '../report/numbers.ts'
import { threadSecondsOf } from '../stage/proc.ts'
import type { Program } from '../stage/program.ts'
import { IPC } from '../transports.ts'
import { atEach, type Figures, type Growth } from './growth.ts'

const ROUNDS = 3
/** Not acknowledged at once, as bytes; and never more of them than the other measures have. */
const IN_FLIGHT_BYTES = 8_000_000
const IN_FLIGHT = 4096
/** Longest text of one chunk, characters; a host splits what is longer. */
const MAX_PIECE = 65_536

/** As many as take a second or so. */
function loadOf(bytes: number, isQuick: boolean): FloodLoad {
  const [most, mostBytes] = isQuick ? [10_000, 20_000_000] : [40_000, 100_000_000]
  const count = Math.max(20, Math.min(most, Math.round(mostBytes / bytes)))
  const inFlight = Math.max(2, Math.min(IN_FLIGHT, Math.round(IN_FLIGHT_BYTES / bytes)))
  return { count, bytes, inFlight }
}

/** Texts a second, until the last one is acknowledged. */
async function flood(producer: Program, load: FloodLoad): Promise<number> {
  const { startedAt, acknowledgedAt } = await producer.ask<Flood>('flood', load)
  return (load.count / (acknowledgedAt - startedAt)) * 1000
}

async function measure(bench: Bench, bytes: number): Promise<Figures> {
  const { producer, reader, middle } = await agentmqStreaming(IPC)(bench)
  const load = loadOf(bytes, bench.isQuick)
  const pieces = Math.max(1, Math.ceil(bytes / MAX_PIECE))
  await reader.ask('begin')
  await flood(producer, load)
  const before = threadSecondsOf(middle.pid)
  const speeds: number[] = []
  for (let round = 0; round < ROUNDS; round += 1) speeds.push(await flood(producer, load))
  await reader.ask('until', { total: (ROUNDS + 1) * load.count * pieces })
  const cpu = ((threadSecondsOf(middle.pid) - before) / (ROUNDS * load.count)) * 1e6
  const texts = median(speeds)
  return { texts, agentmq: (texts * bytes) / 1e6, disk: await disk(bench, load), cpu }
}

/** The same to a file, MB a second. */
async function disk(bench: Bench, load: FloodLoad): Promise<number> {
  const producer = await producerOf(bench, { kind: 'file', path: `${bench.stage.dir}/file` })
  await flood(producer, load)
  return ((await flood(producer, load)) * (load.bytes ?? 0)) / 1e6
}

export const CHUNK_SIZE: Growth = {
  name: 'growth-chunk-size',
  title: 'Size of a chunk',
  x: 'bytes of a text',
  about:
    'A host without children appends texts of one length as fast as it may, with up to 4,096 of them or 8 MB not acknowledged, and one client follows. A host splits what is longer than 65,536 characters into several chunks. `disk` is a file that is appended to and synced, as in `durable-append`.',
  points: [20, 120, 1000, 10_000, 65_000, 250_000, 1_000_000],
  quickPoints: [20, 1000, 65_000, 1_000_000],
  panels: [
    { title: 'texts', unit: '/s', figures: ['texts'] },
    { title: 'throughput', unit: 'MB/s', figures: ['agentmq', 'disk'] },
    { title: 'CPU of the broker for one text', unit: 'µs', figures: ['cpu'] },
  ],
  run: (climb) => atEach(climb, measure),
  text: (trends) => {
    const best = trends.peak('agentmq')
    return [
      `Each text has a head, a checksum and a key in the journal, whatever its length: it costs the broker ${figure(trends.value('cpu', trends.first))} µs of CPU at ${figure(trends.first)} B. That cost ${trends.words('cpu', 'µs')}; beyond that the bytes count: they are copied into the pages of a tree, with which about twice as much reaches the disk.`,
      `The number of texts a second ${trends.words('texts', '')}.`,
      `Most bytes go through at ${figure(best)} B: ${figure(trends.value('agentmq', best))} MB/s, where the file takes ${figure(trends.value('disk', best))} MB/s. At ${figure(trends.last)} B it is ${figure(trends.value('agentmq'))} and ${figure(trends.value('disk'))} MB/s. A host may have no more than its credit, 4 MB, on the way to the disk.`,
    ]
  },
}
