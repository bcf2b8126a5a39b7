/**
 * The command lines of the parts: flags from a table, help, and the section of the part in the
 * config file. What is wrong with them is BAD_CONFIG with the nearest flag there is.
 */
import { existsSync, readFileSync } from 'node:fs'
import yargs from 'yargs'
import { type ConfigPart, configSection, defaultConfigPath } from '../config-file.ts'
import type { Environment } from '../endpoints.ts'
import { type ErrorCode, ProtocolError } from '../errors.ts'
import { type Flag, rejectUnknown, type SettingSources } from '../settings.ts'

/** Exit codes by error; 0 = ended as asked, others are EXIT_FAILED. docs/cli.md lists them. */
const EXIT_CODES: Partial<Record<ErrorCode, number>> = {
  BAD_CONFIG: 2,
  CURVE_MISMATCH: 2,
  NO_SUCH_SESSION: 3,
  AMBIGUOUS_SESSION: 3,
  IN_USE: 5,
  UNAUTHENTICATED: 7,
  FORBIDDEN: 7,
  HOST_TAKEN: 7,
  KEY_REVOKED: 7,
  KEY_NOT_APPROVED: 7,
  WRONG_BROKER_KEY: 7,
}
export const EXIT_FAILED = 1

export function exitCodeOf(error: ProtocolError): number {
  return EXIT_CODES[error.code] ?? EXIT_FAILED
}

export function configFlag(part: ConfigPart): Flag {
  const describe = `Config file, its section "${part}" [AGENTMQ_CONFIG]`
  return { type: 'string', array: false, describe }
}

export interface Program {
  readonly name: string
  readonly purpose: string
  readonly examples: readonly (readonly [command: string, what: string])[]
  readonly flags: Readonly<Record<string, Flag & { readonly group?: string }>>
  /** Words that may stand first, and what they do; without them a word is refused. */
  readonly verbs?: Readonly<Record<string, string>>
}

export interface Given {
  readonly verb: string | undefined
  /** Only what was given. */
  readonly flags: Readonly<Record<string, unknown>>
}

function parserOf({ name, purpose, examples, flags, verbs = {} }: Program) {
  const parser = yargs()
    .scriptName(name)
    .usage(`$0${Object.keys(verbs).length > 0 ? ' <verb>' : ''} [options]\n\n${purpose}`)
    .options(flags)
    .requiresArg(Object.keys(flags).filter((flag) => flags[flag]?.type !== 'boolean'))
    .parserConfiguration({ 'camel-case-expansion': false, 'dot-notation': false })
    .locale('en')
    .version(false)
    .exitProcess(false)
    .fail((message, error) => refuse(message ?? String(error)))
  for (const [verb, describe] of Object.entries(verbs)) parser.command(verb, describe)
  for (const [command, what] of examples) parser.example(command, what)
  return parser
}

/** The whole help in this many columns. */
export async function helpOf(program: Program, columns: number): Promise<string> {
  return await parserOf(program).wrap(columns).getHelp()
}

/** Undefined when help was asked for and printed. Throws BAD_CONFIG. */
export async function readCommandLine(
  argv: readonly string[],
  program: Program,
): Promise<Given | undefined> {
  let isHelp = false
  const {
    _: [verb, ...words],
    $0: _name,
    ...flags
  } = await parserOf(program).parse([...argv], {}, (_error, _argv, output) => {
    if (output === '') return
    isHelp = true
    process.stdout.write(`${output}\n`)
  })
  if (isHelp) return undefined
  const given = { verb: checkedVerb(verb, words, program), flags }
  const [wrong] = Object.keys(flags).filter((name) => Number.isNaN(flags[name]))
  if (wrong !== undefined) refuse(`--${wrong} must be a number`)
  rejectUnknown(Object.keys(flags).map(asTyped), Object.keys(program.flags).map(asTyped), 'flags')
  return given
}

function checkedVerb(
  verb: string | number | undefined,
  words: readonly (string | number)[],
  { verbs }: Program,
): string | undefined {
  const [extra] = verbs ? words : [verb]
  if (extra !== undefined) refuse(`${extra} is not a flag`)
  if (!verbs) return undefined
  const known = Object.keys(verbs)
  if (verb === undefined) refuse(`say what to do: ${known.join(', ')}`)
  rejectUnknown([`${verb}`], known, 'verb')
  return `${verb}`
}

function asTyped(flag: string): string {
  return flag.length === 1 ? `-${flag}` : `--${flag}`
}

/** Throws BAD_CONFIG: the flags cannot be meant so. */
export function refuse(reason: string): never {
  throw new ProtocolError('BAD_CONFIG', { source: 'flags', reason })
}

/** The section of a part in the file that was named, or in the usual one if it is there. */
export function configFile(
  part: ConfigPart,
  named: unknown,
  env: Environment,
): { file?: unknown; fileName?: string } {
  const fileName = typeof named === 'string' ? named : defaultConfigPath(env)
  if (fileName === undefined || (named === undefined && !existsSync(fileName))) return {}
  try {
    return { file: configSection(readFileSync(fileName, 'utf8'), part, fileName), fileName }
  } catch (cause) {
    if (cause instanceof ProtocolError) throw cause
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new ProtocolError('BAD_CONFIG', { source: '--config', reason }, { cause })
  }
}

/**
 * Flags, environment and the section of a part in the config file, to be resolved by its schema.
 * Undefined when help was asked for and printed. Throws BAD_CONFIG.
 */
export async function readSources(
  part: ConfigPart,
  argv: readonly string[],
  program: Omit<Program, 'verbs'>,
  env: Environment,
): Promise<(SettingSources & { readonly env: Environment }) | undefined> {
  const flags = { config: configFlag(part), ...program.flags }
  const given = await readCommandLine(argv, { ...program, flags })
  if (given === undefined) return undefined
  return {
    flags: given.flags,
    env,
    ...configFile(part, given.flags['config'] ?? env['AGENTMQ_CONFIG'], env),
  }
}
