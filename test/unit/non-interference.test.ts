/** Whoever has reach own sees the same, whatever others do beside it. */
import fc from 'fast-check'
import t from 'tap'
import { type Cast, type Name, type Step, World } from '../support/core-worlds.ts'

const RUNS = Number(process.env['AGENTMQ_REACH_RUNS'] ?? 150)

const who = fc.constantFrom<Name>('anna', 'bob')
const seed = fc.integer({ min: 1, max: 2 ** 31 })

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 10, arbitrary: fc.record({ kind: fc.constant('call' as const), who, seed }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('host' as const), who, seed }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('redeem' as const), who, seed }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('cancel' as const), who, seed }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('time' as const), seed }) },
)

const story = fc.array(step, { minLength: 20, maxLength: 80, size: 'max' })

const limited: Cast = { rights: { reach: 'own' }, isCurious: true }

function played(cast: Readonly<Partial<Record<Name, Cast>>>, steps: readonly Step[]): World {
  const world = new World(cast, 1)
  world.play(steps)
  return world
}

t.test('two who have to do with their own know nothing of each other', (t) => {
  let told = 0
  const property = fc.property(story, (steps) => {
    const both = played({ anna: limited, bob: limited }, steps)
    const alone = {
      anna: played({ anna: limited }, steps),
      bob: played({ bob: limited }, steps),
    }
    for (const name of ['anna', 'bob'] as const) {
      t.strictSame(both.told(name), alone[name].told(name))
      told += both.told(name).length
    }
    return t.passing()
  })
  fc.assert(property, { numRuns: RUNS })
  t.ok(told > RUNS * 20, `${told} messages were compared`)
  t.end()
})

t.test('nor of an operator who has to do with everything, until it does', (t) => {
  const operator: Cast = { rights: { reach: 'all' }, isCurious: false }
  const property = fc.property(story, (steps) => {
    const both = played({ anna: operator, bob: limited }, steps)
    const alone = played({ bob: limited }, steps)
    t.strictSame(both.told('bob'), alone.told('bob'))
    return t.passing()
  })
  fc.assert(property, { numRuns: RUNS })
  t.end()
})
