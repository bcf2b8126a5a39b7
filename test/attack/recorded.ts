/**
 * What came of the tests when their defences were taken out, as it was recorded (recorded.json), and the table of
 * docs/security.md that is made of it. Does not run anything.
 */
import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { THREATS } from './threats/index.ts'
import type { Threat } from './threats/threat.ts'

const ROOT = new URL('../../../', import.meta.url)
const RECORD = new URL('test/attack/recorded.json', ROOT)
export const PAGE = new URL('docs/security.md', ROOT)

const BEGIN = '<!-- threats: written by node dist/test/attack/mutations.js -->'
const END = '<!-- end of threats -->'

export interface Recorded {
  /** Of the removal: another one has to be run anew. */
  readonly removal: string
  /** The first thing that failed. */
  readonly failed: string
}

export type Records = Readonly<Record<string, Recorded>>

export function removalHash({ file, test, without }: Threat): string {
  const text = JSON.stringify([file, test, without])
  return createHash('sha256').update(text).digest('hex').slice(0, 12)
}

export function readRecords(): Records {
  return JSON.parse(readFileSync(RECORD, 'utf8')) as Records
}

export function writeRecords(records: Records): void {
  const kept = THREATS.flatMap(({ id }) => (records[id] ? [[id, records[id]]] : []))
  writeFileSync(RECORD, `${JSON.stringify(Object.fromEntries(kept), null, 2)}\n`)
}

/** The page with the table as it should be. */
export function pageWith(page: string, records: Records): string {
  const [before, rest] = page.split(BEGIN)
  const [, after] = rest?.split(END) ?? []
  if (before === undefined || after === undefined) throw new Error('the page has no place for it')
  return `${before}${BEGIN}\n\n${table(records)}\n\n${END}${after}`
}

function table(records: Records): string {
  const head = '| who | what | what stops it | test | without it |\n| --- | --- | --- | --- | --- |'
  return [head, ...THREATS.map((threat) => row(threat, records[threat.id]))].join('\n')
}

function row(threat: Threat, recorded: Recorded | undefined): string {
  const { who, what, how, file, test } = threat
  const cells = [who, what, how, `\`${file}\`: ${test}`, ending(threat, recorded)]
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
}

function ending({ without }: Threat, recorded: Recorded | undefined): string {
  if (without.length === 0) return '–'
  return recorded ? 'fails' : 'not recorded'
}
