/**
 * What the tests with real CLIs showed, as a table of backends and capabilities. A test tells what it
 * has shown at its end; `node capability-table.js` prints what was told since the last `clear`.
 * docs/backends.md has the table of the last release.
 */
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'

/** The columns, in this order. */
export const SHOWN = [
  'text',
  'thinking',
  'tool',
  'turns',
  'interrupt',
  'allow',
  'deny',
  'mode',
  'resume',
  'usage',
  'failures',
] as const
export type Shown = (typeof SHOWN)[number]

/** One empty file for each thing that was shown: tests run in processes of their own. */
const FOLDER = fileURLToPath(new URL('./shown/', import.meta.url))
const SEPARATOR = '@'

/** A test that got here without a failure has shown this. Called at its end. */
export function showed(t: Test, backend: string, ...what: readonly Shown[]): void {
  if (!t.passing()) return
  mkdirSync(FOLDER, { recursive: true })
  for (const one of what) writeFileSync(`${FOLDER}${backend}${SEPARATOR}${one}`, '')
}

/** As Markdown; one row for each backend that has shown anything. */
export function table(shown: readonly (readonly [backend: string, what: string])[]): string {
  const backends = [...new Set(shown.map(([backend]) => backend))].sort()
  const has = (backend: string, what: string) =>
    shown.some(([of, one]) => of === backend && one === what)
  const rows = backends.map((backend) => [
    `\`${backend}\``,
    ...SHOWN.map((what) => (has(backend, what) ? 'yes' : '')),
  ])
  return [['backend', ...SHOWN], ['---', ...SHOWN.map(() => '---')], ...rows]
    .map((cells) => `| ${cells.join(' | ')} |\n`)
    .join('')
}

function told(): (readonly [string, string])[] {
  mkdirSync(FOLDER, { recursive: true })
  return readdirSync(FOLDER).map((file) => {
    const [backend = '', what = ''] = file.split(SEPARATOR)
    return [backend, what]
  })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  if (process.argv[2] === 'clear') rmSync(FOLDER, { recursive: true, force: true })
  else process.stdout.write(`\nWhat the real CLIs showed:\n\n${table(told())}`)
}
