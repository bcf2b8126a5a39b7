/** The named scenarios with what has to be true of each. */
import { STREAMS_LIMITS } from '../../broker/streams-socket.ts'
import { type LongStreamOptions, longStream } from './scenarios/long-stream.ts'
import {
  CHUNK_BYTES,
  type StalledReadersOptions,
  stalledReaders,
} from './scenarios/stalled-readers.ts'

export interface ScenarioResult {
  /** What happened, in one line. */
  readonly line: string
  /** Empty when all is well. */
  readonly problems: readonly string[]
}

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

export async function stalledReadersScenario(
  options: StalledReadersOptions,
): Promise<ScenarioResult> {
  const { series, shown, isGapFree } = await stalledReaders(options)
  const problems: string[] = []
  const own = series.map((memory) => memory.own)
  const most = Math.ceil((own[0] ?? 0) + MOST_MB_ANYWAY + MOST_MB_A_READER * options.readers)
  if (Math.max(...own) > most) problems.push(`the broker took more than ${most} MiB`)
  if (!isGapFree) problems.push('a reader that reads was not shown every chunk')
  if (shown < options.seconds) problems.push(`a reader that reads was shown ${shown} chunks only`)
  const line = [
    `${options.readers} stalled readers, ${options.seconds} s, ${shown} chunks shown to a reader that reads`,
    `broker's own memory in MiB, at most ${most}: ${own.join(' ')}`,
    `with pages of the journal's file: ${series.map(({ resident }) => resident).join(' ')}`,
  ].join('\n  ')
  return { line, problems }
}
