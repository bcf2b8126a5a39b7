import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { countsLine, isGood, readTapReport } from '../support/tap-report.ts'

const COUNT = fileURLToPath(new URL('../run/count.js', import.meta.url))

const GOOD = `TAP version 14
1..1
# Subtest: dist/test/unit/a.test.js
    # { total: 900, pass: 900 }
    ok 1 - it works
    1..1
ok 1 - dist/test/unit/a.test.js # time=5ms

# { total: 12, pass: 12 }
# time=61.5ms
`

const MIXED = `TAP version 14
1..2
# Subtest: dist/test/unit/a.test.js
    not ok 1 - should be equal
      ---
      diff: |
        not ok 1 - a text that was compared
      ...
    1..1
not ok 1 - dist/test/unit/a.test.js # time=5ms
# { total: 29, pass: 14, fail: 10, todo: 3, skip: 2 }
# time=61.5ms
`

function count(t: Test, report: string) {
  const directory = t.testdir({ 'report.tap': report })
  const { status, stdout } = spawnSync(process.execPath, [COUNT, `${directory}/report.tap`], {
    encoding: 'utf8',
  })
  return { status, stdout }
}

t.test('the runner counts, not what a test file prints', async (t) => {
  t.same(readTapReport(GOOD), { passed: 12, failed: 0, skipped: 0 })
})

t.test('todo and skip are neither passed nor failed', async (t) => {
  t.same(readTapReport(MIXED), { passed: 14, failed: 10, skipped: 5 })
})

t.test('a report that breaks off has no counts', async (t) => {
  t.equal(readTapReport(''), undefined)
  t.equal(readTapReport(GOOD.slice(0, GOOD.indexOf('\n# { total: 12'))), undefined)
})

t.test('a file that failed counts even when no assertion in it did', async (t) => {
  const report = 'not ok 1 - dist/a.test.js # time=5ms\n# { total: 1, pass: 1 }\n'
  t.same(readTapReport(report), { passed: 1, failed: 1, skipped: 0 })
})

t.test('points without a verdict count as failed', async (t) => {
  t.same(readTapReport('# { total: 3, pass: 1 }\n'), { passed: 1, failed: 2, skipped: 0 })
})

t.test('the line names skipped tests only when there are some', async (t) => {
  t.equal(countsLine({ passed: 3, failed: 0, skipped: 0 }), '3 passed, 0 failed')
  t.equal(countsLine({ passed: 3, failed: 1, skipped: 2 }), '3 passed, 1 failed, 2 skipped')
})

t.test('a run is good when something passed and nothing failed', async (t) => {
  t.ok(isGood({ passed: 1, failed: 0, skipped: 4 }))
  t.notOk(isGood({ passed: 1, failed: 1, skipped: 0 }))
  t.notOk(isGood({ passed: 0, failed: 0, skipped: 4 }))
})

t.test('the program prints one line and exits by it', async (t) => {
  t.same(count(t, GOOD), { status: 0, stdout: '12 passed, 0 failed\n' })
  t.same(count(t, MIXED), { status: 1, stdout: '14 passed, 10 failed, 5 skipped\n' })
  t.same(count(t, 'TAP version 14\n'), { status: 1, stdout: '0 passed, 0 failed\n' })
})
