/** `node dist/test/sim/run.js --seed N --steps M --runs K`: long runs, and the replay of a failure. */
import { readFlags } from '../run/flags.ts'
import { describe } from './describe.ts'
import { simulate } from './world.ts'

const {
  seed: first,
  steps,
  runs,
} = await readFlags({
  name: 'node dist/test/sim/run.js',
  purpose: 'Plays the simulated world of docs/reliability.md from one seed after the other.',
  flags: {
    seed: { type: 'number', default: 1, describe: 'The first one' },
    steps: { type: 'number', default: 25_000, describe: 'Of each run' },
    runs: { type: 'number', default: 1, describe: 'Each with the next seed' },
  },
})
let total = 0
let failed = 0
const startedAt = performance.now()
for (let seed = first; seed < first + runs; seed += 1) {
  const outcome = await simulate({ seed, steps })
  total += outcome.steps
  if (outcome.violations.length > 0) failed += 1
  process.stdout.write(`${describe(outcome)}\n`)
}
const seconds = (performance.now() - startedAt) / 1000
process.stdout.write(
  `${total} steps in ${seconds.toFixed(1)} s, ${Math.round(total / seconds)} steps/s; ${failed} runs failed\n`,
)
process.exitCode = failed > 0 ? 1 : 0
