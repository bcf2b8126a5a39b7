/** The generated files of the reference, by path, with the content they should have. */
import { readFileSync } from 'node:fs'
import { metricsReference } from '../../broker/metrics/reference.ts'
import { errorReference } from '../../protocol/reference/errors.ts'
import { protocolReference } from '../../protocol/reference/protocol.ts'
import { protocolSchema } from '../../protocol/reference/schema-document.ts'
import { legacyPage } from './legacy/legacy-page.ts'

/** Root of the repository, seen from the compiled tests. */
export const ROOT = new URL('../../../', import.meta.url)

export function referenceFiles(): Readonly<Record<string, string>> {
  const template = readFileSync(new URL('protocol/reference/protocol.template.md', ROOT), 'utf8')
  return {
    'docs/protocol.md': protocolReference(template),
    'docs/errors.md': errorReference(),
    'docs/metrics.md': metricsReference(),
    'docs/legacy.md': legacyPage(ROOT),
    'protocol.schema.json': `${JSON.stringify(protocolSchema(), null, 2)}\n`,
  }
}
