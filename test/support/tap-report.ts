/** Reads the counts that tap leaves in a raw TAP report. Pure; which report, and what then, is the caller's. */

export interface TestCounts {
  readonly passed: number
  readonly failed: number
  /** Skipped and todo: neither ran to a verdict. */
  readonly skipped: number
}

export const NO_TESTS: TestCounts = { passed: 0, failed: 0, skipped: 0 }

/** What tap writes at the very end, in the first column: `# { total: 5, pass: 3, fail: 2 }`. */
const SUMMARY = /^# \{ total: \d+(?:, (?:pass|fail|todo|skip): \d+)* \}$/gm

function field(summary: string, name: string): number {
  return Number(new RegExp(`\\b${name}: (\\d+)`).exec(summary)?.[1] ?? 0)
}

/** Test files that failed: only they stand in the first column of a runner's report. */
function failedFiles(report: string): number {
  return report.match(/^not ok (?!.* # (?:TODO|SKIP)\b)/gm)?.length ?? 0
}

/**
 * The assertions of a whole run, or undefined when the report breaks off before its summary. What a
 * test file prints itself is indented in the report, so it cannot pass for the summary.
 */
export function readTapReport(report: string): TestCounts | undefined {
  const summary = report.match(SUMMARY)?.at(-1)
  if (summary === undefined) return undefined
  const passed = field(summary, 'pass')
  const skipped = field(summary, 'skip') + field(summary, 'todo')
  const rest = field(summary, 'total') - passed - skipped
  return { passed, failed: Math.max(rest, failedFiles(report)), skipped }
}

/** One plain line for people and programs; skipped tests are named only when there are some. */
export function countsLine({ passed, failed, skipped }: TestCounts): string {
  const line = `${passed} passed, ${failed} failed`
  return skipped > 0 ? `${line}, ${skipped} skipped` : line
}

/** A run in which nothing passed proves nothing. */
export function isGood({ passed, failed }: TestCounts): boolean {
  return passed > 0 && failed === 0
}
