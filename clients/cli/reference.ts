/** The tables of docs/cli.md, from the command table and the table of exit codes. */
import { CommandLine } from './arguments.ts'
import { COMMAND_NAMES, COMMANDS, type CommandName } from './command-table.ts'
import { EXIT_CODES, EXIT_OF_ERROR } from './exit-codes.ts'
import { partHelp } from './parts.ts'

const COLUMNS = 100
/** Their flags are their own, so their help is not in the hands of this command. */
const PARTS: readonly string[] = ['broker', 'host', 'shim'] satisfies readonly CommandName[]

export async function commandReference(): Promise<string> {
  const sections = []
  for (const name of COMMAND_NAMES) sections.push(await commandSection(name))
  return sections.join('\n\n')
}

async function commandSection(name: CommandName): Promise<string> {
  const { usage, describe, examples } = COMMANDS[name]
  const example = examples.map(([command, what]) => (what ? `${command}   # ${what}` : command))
  const parts = [
    `### agentmq ${usage}`,
    `${describe}.`,
    fenced(example.join('\n')),
    await flags(name),
  ]
  return parts.filter((part) => part !== '').join('\n\n')
}

/** Positionals and options out of the help; the global flags have a section of their own. */
async function flags(name: CommandName): Promise<string> {
  if (PARTS.includes(name)) return `\`agentmq ${name} --help\` lists its flags.`
  if (name === 'journal') return journalFlags()
  const groups = (await help([name, '--help'])).split(/\n\n(?=\S)/)
  return groupsOf(groups, ['Positionals:', 'Options:'])
}

/** A part of its own, but with few flags. */
async function journalFlags(): Promise<string> {
  const groups = (await partHelp('journal', COLUMNS)).split(/\n\n(?=\S)/)
  return groupsOf(groups, ['Commands:', 'Options:', 'Options of export:', 'Options of audit:'])
}

export async function globalReference(): Promise<string> {
  return groupsOf((await help(['--help'])).split(/\n\n(?=\S)/), ['Global:'])
}

function groupsOf(groups: readonly string[], titles: readonly string[]): string {
  const wanted = groups.filter((group) => titles.some((title) => group.startsWith(title)))
  return wanted.length === 0 ? '' : fenced(wanted.join('\n\n').trimEnd())
}

async function help(argv: readonly string[]): Promise<string> {
  const run = async () => undefined
  const commandLine = await CommandLine.read(argv, { version: '', columns: COLUMNS, run })
  return await commandLine.parse()
}

export function exitCodeReference(): string {
  const rows = Object.values(EXIT_CODES).map(({ code, meaning }) => {
    const errors = Object.entries(EXIT_OF_ERROR).filter(([, exit]) => exit === code)
    return `| ${code} | ${meaning} | ${errors.map(([error]) => `\`${error}\``).join(' ')} |`
  })
  return ['| code | meaning | errors |', '| --- | --- | --- |', ...rows].join('\n')
}

function fenced(text: string): string {
  return `\`\`\`\n${text}\n\`\`\``
}
