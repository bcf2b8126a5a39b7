/**
 * Prints what a raw TAP report counts, as the last line of a run: `node count.js report.tap`.
 * Exits with 1 when a test failed, when none passed, or when the report is missing or cut short.
 */

import { readFileSync } from 'node:fs'
import { countsLine, isGood, NO_TESTS, readTapReport } from '../support/tap-report.ts'

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

const path = process.argv[2] ?? ''
const counts = readTapReport(read(path))
if (counts === undefined) process.stderr.write('the test run left no complete report\n')
process.stdout.write(`${countsLine(counts ?? NO_TESTS)}\n`)
process.exitCode = isGood(counts ?? NO_TESTS) ? 0 : 1
