/** `agentmq journal verify`: reads every record and says what is wrong. */
import { type Survey, survey } from './survey.ts'
import { journalLine } from './text.ts'

/** Exit code when there is damage; docs/cli.md lists it. */
export const EXIT_DAMAGED = 9

export interface Verdict {
  readonly exitCode: number
  readonly text: string
  readonly json: object
}

export async function verify(path: string): Promise<Verdict> {
  const found = await survey(path)
  const isSound = found.damageCount === 0
  return { exitCode: isSound ? 0 : EXIT_DAMAGED, text: textOf(found), json: jsonOf(found) }
}

function jsonOf(found: Survey): object {
  const { path, file, epoch, tables, streams, sessions, damage, damageCount } = found
  return {
    path,
    version: file?.version ?? null,
    epoch: epoch ?? null,
    records: Object.fromEntries(tables.map(({ table, records }) => [table, records])),
    sessions: sessions.size,
    streams: streams.length,
    damage_count: damageCount,
    damage,
  }
}

/** Lines of damage for people; programs get more. */
const MAX_LINES = 50

function textOf(found: Survey): string {
  const { tables, streams, sessions, damage, damageCount } = found
  const records = tables.map(({ table, records: count }) => `${count} ${table}`).join(', ')
  const lines = [
    journalLine(found),
    `read: ${records}; ${sessions.size} sessions, ${streams.length} with chunks`,
    ...damage.slice(0, MAX_LINES).map(({ table, key, what }) => {
      return `damaged: ${[table, key].filter((part) => part !== '').join(' ') || 'the file'}: ${what}`
    }),
  ]
  const unnamed = damageCount - Math.min(damage.length, MAX_LINES)
  if (unnamed > 0) lines.push(`and ${unnamed} more`)
  lines.push(damageCount === 0 ? 'no damage was found' : `${damageCount} damaged`)
  if (damageCount > 0) {
    lines.push('  → What is intact can be read: `agentmq journal export > chunks.jsonl`.')
  }
  return `${lines.join('\n')}\n`
}
