/** `node dist/test/sim/run.js --seed N --steps M --runs K`: long runs, and the replay of a failure. */
import { parseArgs } from 'node:util'
import { describe } from './describe.ts'
import { simulate } from './world.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: '1' },
    steps: { type: 'string', default: '25000' },
    runs: { type: 'string', default: '1' },
  },
})
const first = Number(values.seed)
const steps = Number(values.steps)
let total = 0
let failed = 0
const startedAt = performance.now()
for (let seed = first; seed < first + Number(values.runs); seed += 1) {
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
