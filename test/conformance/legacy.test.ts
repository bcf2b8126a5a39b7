/** The cases of test/fixtures/legacy against a broker, a host and a shim of each case's own. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { summary, tell } from './legacy/report.ts'
import { type Result, runAll } from './legacy/run-all.ts'
import { programsIn } from './legacy/setup-words.ts'
import { StackPool } from './legacy/stack-pool.ts'
import { parseVectors, sentBy, TRANSPORTS } from './legacy/vector.ts'

const FILE = new URL('../../../test/fixtures/legacy/vectors.jsonl', import.meta.url)
const vectors = parseVectors(readFileSync(FILE, 'utf8'))

const pool = new StackPool(programsIn(sentBy(vectors)))
t.teardown(() => pool.close())

for (const door of TRANSPORTS) {
  t.test(`cases of ${door}`, async (t) => {
    const cases = vectors.filter(({ transport }) => transport === door)
    const results = await runAll(cases, { source: pool, alwaysFresh: false, told: () => undefined })
    for (const line of summary(results)) t.comment(line)
    t.same(results.filter(isBad).flatMap(tell), [])
    t.equal(results.length, cases.length)
  })
}

function isBad({ outcome, strict }: Result): boolean {
  const isGood = outcome.is === 'passed' || outcome.is === 'difference'
  return !isGood || (strict !== undefined && strict.is !== 'passed')
}
