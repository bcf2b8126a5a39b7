/** The named scenarios with what has to be true of each. */
import { STREAMS_LIMITS } from '../../broker/streams-socket.ts'
import { type CountersOptions, counters } from './scenarios/counters.ts'
import { type LongStreamOptions, longStream } from './scenarios/long-stream.ts'
import {
  CHUNK_BYTES,
  RETAINED_BYTES,
  type StalledReadersOptions,
  stalledReaders,
} from './scenarios/stalled-readers.ts'

export interface ScenarioResult {
  /** What happened, in one line. */
  readonly line: string
  /** Empty when all is well. */
  readonly problems: readonly string[]
}

/** Pages of the journal's file that may be resident, MiB: what it keeps, twice because pages are copied on write. */
const MOST_MB_MAPPED = (2 * RETAINED_BYTES) / 1024 ** 2
/** What the broker may take for the work of streaming, MiB. */
const MOST_MB_ANYWAY = 80
/** What a chunk takes in its bundle besides its text, bytes. */
const OVERHEAD_BYTES = 256

/** What the broker may take for a reader that does not read, MiB: what its socket may hold for it. */
const MOST_MB_A_READER =
  (STREAMS_LIMITS.sendHighWaterMark * (CHUNK_BYTES + OVERHEAD_BYTES)) / 1024 ** 2

export async function longStreamScenario(options: LongStreamOptions): Promise<ScenarioResult> {
  const { shown, wrong, chunks, kills, seconds, leftovers } = await longStream(options)
  const problems = [...leftovers]
  if (shown !== options.numbers) problems.push(`the reader was shown ${shown} numbers`)
  if (wrong !== undefined) problems.push(`out of order: ${wrong}`)
  if (kills !== options.kills) problems.push(`${kills} kills of ${options.kills} fell into it`)
  const time = `${seconds.toFixed(0)} s`
  const line = `1 to ${shown} in ${shown} of ${chunks} chunks, ${kills} kills of the broker, ${time}`
  return { line, problems }
}

/** No change is lost, none is made twice, and each is told once. */
export async function countersScenario(options: CountersOptions): Promise<ScenarioResult> {
  const { value, version, told, conflicts, kills, leftovers } = await counters(options)
  const due = options.clients * options.increments
  const problems = [...leftovers]
  if (value !== due) problems.push(`the key holds ${String(value)}, not ${due}`)
  if (version !== due) problems.push(`the key has version ${version}, not ${due}`)
  const wrong = told.findIndex((one, index) => one !== index + 1)
  if (told.length !== due || wrong !== -1) {
    problems.push(`${told.length} changes were told; not in order from ${wrong + 1}`)
  }
  if (kills !== options.kills) problems.push(`${kills} kills of ${options.kills} fell into it`)
  const line = `${options.clients} clients counted to ${String(value)} with ${conflicts} conflicts, ${kills} kills of the broker`
  return { line, problems }
}

export async function stalledReadersScenario(
  options: StalledReadersOptions,
): Promise<ScenarioResult> {
  const { series, shown, isGapFree } = await stalledReaders(options)
  const problems: string[] = []
  const growth = MOST_MB_ANYWAY + MOST_MB_A_READER * options.readers
  const own = measured(
    series.map((memory) => memory.own),
    growth,
  )
  const resident = measured(
    series.map((memory) => memory.resident),
    growth + MOST_MB_MAPPED,
  )
  for (const { isOver, text } of [own, resident]) if (isOver) problems.push(text)
  if (!isGapFree) problems.push('a reader that reads was not shown every chunk')
  if (shown < options.seconds) problems.push(`a reader that reads was shown ${shown} chunks only`)
  const line = [
    `${options.readers} stalled readers, ${options.seconds} s, ${shown} chunks shown to a reader that reads`,
    `broker's own memory (anonymous) in MiB, ${own.text}`,
    `with the pages of files (RSS) in MiB, ${resident.text}`,
  ].join('\n  ')
  return { line, problems }
}

/** A series with what its values must stay below: the first one and this much more. */
function measured(series: readonly number[], growth: number): { text: string; isOver: boolean } {
  const most = Math.ceil((series[0] ?? 0) + growth)
  return { text: `at most ${most}: ${series.join(' ')}`, isOver: Math.max(...series) > most }
}
