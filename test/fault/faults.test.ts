/** A short run of faults on real processes; `npm run test:fault` makes long ones. */
import t from 'tap'
import { summary } from '../chaos/report.ts'
import { run } from '../chaos/run.ts'

const SMALL = {
  sessions: 4,
  clients: 2,
  hosts: 2,
  maxCount: 30,
  paceMs: 20,
  livenessMs: 1000,
}

t.test('nothing is lost, doubled or left behind when processes are killed', async (t) => {
  const faults = ['broker kill', 'host kill', 'agent kill', 'client kill'] as const
  const result = await run({ ...SMALL, seed: 7, rounds: 8, faults, say: (line) => t.comment(line) })
  t.strictSame(result.violations, [], summary(result))
  t.ok(result.totals.shown > 100, `${result.totals.shown} chunks were shown`)
})
