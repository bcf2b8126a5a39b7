import { randomInt } from 'node:crypto'
import t from 'tap'
import { describe } from '../sim/describe.ts'
import { MUTATIONS } from '../sim/mutations.ts'
import { type Outcome, simulate } from '../sim/world.ts'

const STEPS = Number(process.env['AGENTMQ_SIM_STEPS'] ?? 24_000)
const FIXED_SEEDS = Array.from({ length: 14 }, (_, index) => index + 1)
const RANDOM_SEED = Number(process.env['AGENTMQ_SIM_SEED'] ?? randomInt(2 ** 31))
/** A mutation has to be caught within this many seeds. */
const MOST_SEEDS = 12

async function firstCatch(steps: number): Promise<Outcome | undefined> {
  for (let seed = 1; seed <= MOST_SEEDS; seed += 1) {
    const outcome = await simulate({ seed, steps })
    if (outcome.violations.length > 0) return outcome
  }
  return undefined
}

t.test('nothing that was promised is broken, whatever befalls the system', async (t) => {
  const startedAt = performance.now()
  let steps = 0
  for (const seed of [...FIXED_SEEDS, RANDOM_SEED]) {
    const outcome = await simulate({ seed, steps: STEPS })
    steps += outcome.steps
    t.same(outcome.violations, [], describe(outcome))
  }
  const perSecond = Math.round((steps / (performance.now() - startedAt)) * 1000)
  t.comment(`random seed ${RANDOM_SEED}, ${steps} steps, ${perSecond} steps/s`)
  t.ok(steps >= 500_000, `${steps} steps`)
})

t.test('the same seed gives the same run', async (t) => {
  const [once, again, other] = [
    await simulate({ seed: 42, steps: 5000 }),
    await simulate({ seed: 42, steps: 5000 }),
    await simulate({ seed: 43, steps: 5000 }),
  ]
  t.equal(once.traceHash, again.traceHash)
  t.not(once.traceHash, other.traceHash)
})

for (const [name, mutate] of Object.entries(MUTATIONS)) {
  t.test(`${name} is caught`, async (t) => {
    const restore = mutate()
    t.teardown(restore)
    const caught = await firstCatch(8000)
    t.ok(caught, `caught within ${MOST_SEEDS} seeds`)
    t.comment(caught && `seed ${caught.seed}: ${caught.violations[0]}`)
  })
}
