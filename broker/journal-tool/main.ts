/** `agentmq journal`: looks after the journal of a broker, beside it or while it is stopped. */
import type { AuditHead } from '../../protocol/audit-chain.ts'
import { parseHead } from '../../protocol/audit-report.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { jsonLine } from '../../protocol/json-line.ts'
import {
  configFlag,
  exitCodeOf,
  helpOf,
  type Program,
  readCommandLine,
  refuse,
} from '../../protocol/process/command-line.ts'
import { type Flag, flagsOf } from '../../protocol/settings.ts'
import { BrokerSettings } from '../config.ts'
import { filesOf } from '../journal/files.ts'
import { MAX_SEQUENCE } from '../journal/keys.ts'
import { verifyAudit } from './audit.ts'
import { compact } from './compact.ts'
import { exportJournal } from './export.ts'
import { findJournal } from './place.ts'
import { stats } from './stats.ts'
import { verify } from './verify.ts'

const VERBS = {
  verify: 'Read every record and say what is damaged; exit code 9 if anything is',
  audit: 'Check the hash chain of the audit log; exit code 9 if it is broken',
  stats: 'What takes room, and how much compact would give back',
  export: 'Every chunk as a line of JSON; what cannot be read as a gap',
  compact: 'Give free pages back to the disk; the broker must be stopped',
} as const

const text = (describe: string): Flag => ({ type: 'string', array: false, describe })
const group = 'Options of export:'

const EXPORT_FLAGS = {
  since: {
    type: 'number',
    array: false,
    group,
    describe: 'Sequence of the first chunk of each session',
  },
  until: { type: 'number', array: false, group, describe: 'Sequence of the last one' },
  session: { ...text('Only this session: its id, its name, or the beginning of its id'), group },
} as const

const AUDIT_FLAGS = {
  expect: {
    type: 'string',
    array: true,
    group: 'Options of audit:',
    describe: 'SEQ:HASH that was kept elsewhere has to be part of it (repeatable)',
  },
} as const

/** Flags that belong to one verb. */
const OWN_FLAGS: Readonly<Partial<Record<keyof typeof VERBS, object>>> = {
  export: EXPORT_FLAGS,
  audit: AUDIT_FLAGS,
}

const { dir, 'journal-dir': journalDir } = flagsOf(BrokerSettings)

const PROGRAM: Program = {
  name: 'agentmq journal',
  purpose: 'Looks after the journal of a broker. All but compact may run beside the broker.',
  examples: [
    ['$0 verify', 'is everything intact?'],
    ['$0 audit --expect 812:5f0c…', 'is the audit log what it was?'],
    ['$0 export --session blue > blue.jsonl', 'one conversation'],
  ],
  verbs: VERBS,
  flags: {
    ...(dir && { dir }),
    ...(journalDir && { 'journal-dir': journalDir }),
    context: text('A place of the section "contexts" of the config file [AGENTMQ_CONTEXT]'),
    config: configFlag('broker'),
    json: { type: 'boolean', array: false, describe: 'Output for programs' },
    ...EXPORT_FLAGS,
    ...AUDIT_FLAGS,
  },
}

/** For docs/cli.md. */
export async function help(columns: number): Promise<string> {
  return await helpOf(PROGRAM, columns)
}

/** Resolves with the exit code. */
export async function main(argv: readonly string[]): Promise<number> {
  try {
    const given = await readCommandLine(argv, PROGRAM)
    if (given === undefined) return 0
    return await run(given.verb as keyof typeof VERBS, given.flags)
  } catch (thrown) {
    return explain(ProtocolError.from(thrown, 'broker'), argv.includes('--json'))
  }
}

function explain(error: ProtocolError, isJson: boolean): number {
  const exitCode = exitCodeOf(error)
  const { message, advice } = error
  const record = { error: { ...error.toWire(), advice, exit_code: exitCode } }
  process.stderr.write(isJson ? jsonLine(record) : `agentmq journal: ${message}\n  → ${advice}\n`)
  return exitCode
}

type Flags = Readonly<Record<string, unknown>>

async function run(verb: keyof typeof VERBS, flags: Flags): Promise<number> {
  checkFlags(verb, flags)
  const directory = findJournal(flags, process.env)
  const path = filesOf(directory).data
  switch (verb) {
    case 'verify':
      return print(await verify(path), flags)
    case 'audit':
      return print(await verifyAudit(path, expectedHeads(flags)), flags)
    case 'stats':
      return print(await stats(path), flags)
    case 'export':
      return await exportJournal({ verb, path, ...rangeOf(flags) })
    case 'compact':
      return print(await compact(directory), flags)
  }
}

function checkFlags(verb: keyof typeof VERBS, flags: Flags): void {
  for (const [owner, own] of Object.entries(OWN_FLAGS)) {
    const foreign = Object.keys(own).find((flag) => flags[flag] !== undefined)
    if (verb !== owner && foreign !== undefined) refuse(`--${foreign} belongs to ${owner}`)
  }
}

function expectedHeads({ expect = [] }: Flags): AuditHead[] {
  return [expect].flat().map((text) => parseHead(String(text)))
}

function rangeOf(flags: Flags) {
  const { session } = flags
  const since = sequence(flags, 'since', 1)
  const until = sequence(flags, 'until', MAX_SEQUENCE - 1)
  return { since, until, ...(typeof session === 'string' && { session }) }
}

function sequence(flags: Flags, name: string, fallback: number): number {
  const value = flags[name] ?? fallback
  if (Number.isSafeInteger(value) && Number(value) >= 1) return Number(value)
  return refuse(`--${name} is the number of a chunk, from 1`)
}

interface Printable {
  readonly text: string
  readonly json: object
  readonly exitCode?: number
}

function print({ text: lines, json, exitCode = 0 }: Printable, { json: isJson }: Flags): number {
  process.stdout.write(isJson === true ? jsonLine(json) : lines)
  return exitCode
}
