/** docs/security.md says of every limit what it is: its settings, their defaults and its names in the metrics. */
import { readFileSync } from 'node:fs'
import t from 'tap'
import { brokerConfig } from '../../broker/config.ts'
import { LIMIT_NAMES } from '../../broker/core/limit-names.ts'
import { limitSettings } from '../../broker/limit-settings.ts'
import { METRICS } from '../../broker/metrics/table.ts'
import { ERRORS } from '../../protocol/errors.ts'
import { ROOT } from './reference-files.ts'

const security = readFileSync(new URL('docs/security.md', ROOT), 'utf8')
const operations = readFileSync(new URL('docs/operations.md', ROOT), 'utf8')
const limits = security.slice(security.indexOf('## Limits'))
const rows = limits
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| ---'))
  .map((line) => line.split('|').map((cell) => cell.trim()))

/** What a broker has that nobody has told anything. */
const defaults: Readonly<Record<string, unknown>> = {
  ...brokerConfig({ flags: { dir: '/nowhere' }, env: {} }),
}

/** `1,024` as 1024; the number that a cell begins with. */
const number = (cell = '') => Number(cell.replaceAll(',', ''))
const names = (cell = '') => [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name)

t.test('every setting of a limit is in the table, with its default', (t) => {
  const told = new Map(
    rows.flatMap(([, , value, setting]) => names(setting).map((name) => [name, value])),
  )
  for (const name of Object.keys(limitSettings)) {
    t.equal(number(told.get(name)), defaults[name], name)
    t.match(operations, `\`${name}\``, `${name} is in operations.md`)
  }
  for (const name of told.keys()) t.ok(Object.hasOwn(defaults, name), name)
  t.end()
})

t.test('operations.md tells the same defaults', (t) => {
  const lines = operations
    .slice(operations.indexOf('## Limits for principals'), operations.indexOf('## Removing'))
    .split('\n')
    .filter((line) => line.startsWith('| `'))
  t.ok(lines.length > 10)
  for (const line of lines) {
    const [, setting, values = ''] = line.split('|')
    const told = values.split(', ').map(number)
    for (const [index, name] of names(setting).entries()) {
      t.equal(told[index], defaults[name], name)
    }
  }
  t.end()
})

t.test('every limit that is counted is in the table, and what the table names exists', (t) => {
  const counted = new Set([
    ...rows.flatMap((row) => names(row[5])),
    ...rows.flatMap((row) => names(row[1])), // why the door is shut
  ])
  for (const name of LIMIT_NAMES) t.ok(counted.has(name), name)
  for (const name of rows.flatMap((row) => names(row[5]))) {
    const isLimit = LIMIT_NAMES.some((limit) => limit === name)
    t.ok(isLimit || Object.hasOwn(METRICS, name), name)
  }
  for (const [, code = ''] of limits.matchAll(/`([A-Z_]{4,})`/g)) {
    t.ok(Object.hasOwn(ERRORS, code), code)
  }
  t.end()
})
