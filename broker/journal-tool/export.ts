/** `agentmq journal export`: every chunk that can be read, as lines of JSON on stdout. */
import { jsonLine } from '../../protocol/json-line.ts'
import type { ExportJob } from './jobs.ts'
import { type Death, deathText, read } from './reading.ts'
import { EXIT_DAMAGED } from './verify.ts'

/** The exit code. Where reading kills its process, that is told, and the next session follows. */
export async function exportJournal(job: ExportJob): Promise<number> {
  let exitCode = 0
  let after: string | undefined
  for (;;) {
    const death = await read({ ...job, after }, () => {}, { shows: true })
    if (!death) return exitCode
    exitCode = EXIT_DAMAGED
    after = tell(death)
    if (after === undefined || job.session !== undefined) return exitCode
  }
}

/** The session in which it happened, if it was in one. Where the gap ends cannot be known. */
function tell(death: Death): string | undefined {
  process.stderr.write(`agentmq journal: ${deathText(death)}\n`)
  if (death.at?.table !== 'chunks') return undefined
  const [session = '', from] = death.at.key.split(' ')
  const gap = { from: Number(from), to: null, reason: 'corrupt' }
  process.stdout.write(jsonLine({ session, gap }))
  return session
}
