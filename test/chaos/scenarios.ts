/** The named scenarios with what has to be true of each. */
import { type LongStreamOptions, longStream } from './scenarios/long-stream.ts'
import { type StalledReadersOptions, stalledReaders } from './scenarios/stalled-readers.ts'

export interface ScenarioResult {
  /** What happened, in one line. */
  readonly line: string
  /** Empty when all is well. */
  readonly problems: readonly string[]
}

/** What a reader that does not read may cost the broker, MiB. */
const MOST_MB_A_READER = 1.5
/** What the broker may take besides, for its own work, MiB. */
const MOST_MB_ANYWAY = 80

export async function longStreamScenario(options: LongStreamOptions): Promise<ScenarioResult> {
  const { isWhole, areSequencesWhole, chunks, kills, seconds, leftovers } =
    await longStream(options)
  const problems = [...leftovers]
  if (!isWhole) problems.push(`the reader was not shown 1 to ${options.numbers}`)
  if (!areSequencesWhole) problems.push('sequences are not 1, 2, 3 …')
  if (kills !== options.kills) problems.push(`${kills} kills of ${options.kills} fell into it`)
  const time = `${seconds.toFixed(0)} s`
  const line = `${options.numbers} numbers, ${kills} kills of the broker, ${chunks} chunks, ${time}`
  return { line, problems }
}

export async function stalledReadersScenario(
  options: StalledReadersOptions,
): Promise<ScenarioResult> {
  const { rssMb, shown, isGapFree } = await stalledReaders(options)
  const problems: string[] = []
  const growth = Math.max(...rssMb) - (rssMb[0] ?? 0)
  const most = MOST_MB_ANYWAY + MOST_MB_A_READER * options.readers
  if (growth > most) problems.push(`the broker grew by ${growth} MiB, ${most} are allowed`)
  if (!isGapFree) problems.push('a reader that reads was not shown every chunk')
  if (shown < options.seconds) problems.push(`a reader that reads was shown ${shown} chunks only`)
  const series = rssMb.join(' ')
  const line = `${options.readers} stalled readers, ${options.seconds} s, memory of the broker in MiB: ${series}; ${shown} chunks shown to a reader that reads`
  return { line, problems }
}
