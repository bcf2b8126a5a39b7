/** The corpus of the fuzzer, and a short run of it, for all targets that need no process. */
import t from 'tap'
import { replay } from '../fuzz/attempt.ts'
import { corpusFolders, readCorpus } from '../fuzz/corpus.ts'
import { runTarget } from '../fuzz/run.ts'
import { divide } from '../fuzz/shares.ts'
import { isTarget, makeTarget, TARGETS, type TargetName } from '../fuzz/targets/index.ts'

/** Of all targets together; `npm run fuzz` plays more. */
const CASES = 6000
const SEED = Number(process.env['FUZZ_SEED'] ?? Math.floor(Math.random() * 1e9))

const REAL: readonly TargetName[] = ['zmtp', 'dealer']
const NAMES = (Object.keys(TARGETS) as TargetName[]).filter((name) => !REAL.includes(name))

t.test('each target has a corpus, and each folder of it is of a target', async (t) => {
  for (const name of corpusFolders()) t.ok(isTarget(name), name)
  for (const name of Object.keys(TARGETS)) t.ok(readCorpus(name).length > 0, name)
})

for (const name of NAMES) {
  t.test(`nothing is wrong with the corpus of ${name}`, async (t) => {
    const target = await makeTarget(name, 1)
    t.notOk(target.isReal)
    for (const { name: file, input } of readCorpus(name)) {
      t.equal((await replay(target, [input]))?.text, undefined, file)
    }
  })
}

for (const [name, cases] of divide(CASES, NAMES)) {
  t.test(`nothing is wrong with ${cases} cases of ${name}`, async (t) => {
    t.comment(`FUZZ_SEED=${SEED}`)
    const target = await makeTarget(name, SEED)
    const { findings, cases: played } = await runTarget(target, { seed: SEED, cases })
    t.equal(played, cases)
    for (const { problem, index, input } of findings) {
      t.fail(`case ${index} of seed ${SEED}: ${problem.text}`, {
        input: input.map((piece) => piece.toString('hex')),
      })
    }
  })
}
