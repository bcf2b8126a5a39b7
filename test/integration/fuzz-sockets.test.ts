/** The corpus of the fuzzer, and a short run of it, against a real broker: others are served as ever. */
import t from 'tap'
import { attempt, endOf } from '../fuzz/attempt.ts'
import { readCorpus } from '../fuzz/corpus.ts'
import { Random } from '../fuzz/random.ts'
import { makeTarget, type TargetName } from '../fuzz/targets/index.ts'

const CASES = 400
const SEED = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 1e9))

for (const name of ['zmtp', 'dealer'] satisfies TargetName[]) {
  t.test(`${name}: a broker lives through the corpus and ${CASES} cases more`, async (t) => {
    t.comment(`FUZZ_SEED=${SEED}`)
    const target = await makeTarget(name, SEED)
    const subject = await target.open()
    for (const { name: file, input } of readCorpus(name)) {
      t.equal((await attempt(subject, input))?.text, undefined, file)
    }
    for (let index = 0; index < CASES; index += 1) {
      const input = target.generate(Random.ofCase(SEED, name, index))
      const problem = await attempt(subject, input)
      if (problem) t.fail(`case ${index} of seed ${SEED}: ${problem.text}`)
    }
    // Looks after the others, and ends the broker by SIGTERM: with code 0.
    t.equal((await endOf(subject))?.text, undefined, 'at the end')
  })
}
