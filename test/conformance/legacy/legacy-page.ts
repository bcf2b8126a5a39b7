/** docs/legacy.md: its template with the deliberate differences, so that the page and the checks agree. */
import { readFileSync } from 'node:fs'
import { DIFFERENCES } from './differences.ts'

/** `root`: of the repository. */
export function legacyPage(root: URL): string {
  const path = new URL('test/conformance/legacy/legacy.template.md', root)
  const rows = DIFFERENCES.map(
    ({ defect, title, reason }) => `| ${defect} | ${title} | ${reason} |`,
  )
  const table = ['| defect | here | why |', '| --- | --- | --- |', ...rows].join('\n')
  return readFileSync(path, 'utf8').replace('{{differences}}', table)
}
