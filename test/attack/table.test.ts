/** The threat model as a whole: each row has its test, each test of an attack its row, and each removal was run. */
import { readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { PAGE, pageWith, readRecords, removalHash } from './recorded.ts'
import { THREATS } from './threats/index.ts'

const ROOT = new URL('../../../', import.meta.url)
const sourceOf = (file: string) => readFileSync(new URL(`test/${file}.test.ts`, ROOT), 'utf8')

/** Names of the tests of a file, as far as they are written out. */
function namesIn(file: string): string[] {
  const texts = sourceOf(file).matchAll(/^t\.test\(\s*(['"`])(.*?)\1,/gms)
  return [...texts].map(([, , name = '']) => name)
}

t.test('each row of the threat model has a test of that name', async (t) => {
  for (const { id, file, test } of THREATS) t.ok(namesIn(file).includes(test), id)
})

t.test('each attack is in the threat model', async (t) => {
  const files = readdirSync(new URL('test/attack/', ROOT)).filter((name) =>
    name.endsWith('.test.ts'),
  )
  const rows = new Set(THREATS.map(({ file, test }) => `${file} ${test}`))
  for (const name of files.filter((one) => one !== 'table.test.ts')) {
    const file = `attack/${name.replace('.test.ts', '')}`
    for (const test of namesIn(file)) t.ok(rows.has(`${file} ${test}`), test)
  }
})

t.test('no two rows have the same id', async (t) => {
  t.equal(new Set(THREATS.map(({ id }) => id)).size, THREATS.length)
})

t.test('what a row takes out is there, once', async (t) => {
  for (const { id, without } of THREATS) {
    for (const { file, find } of without) {
      const text = readFileSync(new URL(`dist/${file}.js`, ROOT), 'utf8')
      t.equal(text.split(find).length, 2, `${id}: ${find}`)
    }
  }
})

t.test('each row was seen to fail without its defence, as it stands now', async (t) => {
  const records = readRecords()
  for (const threat of THREATS.filter(({ without }) => without.length > 0)) {
    t.equal(records[threat.id]?.removal, removalHash(threat), threat.id)
  }
})

t.test('the table of docs/security.md is the threat model', async (t) => {
  const page = readFileSync(PAGE, 'utf8')
  t.ok(page === pageWith(page, readRecords()), 'say: node dist/test/attack/mutations.js --table')
})
