/** `agentmq state`: the key-value state that programs share. */
import type { Argv } from 'yargs'
import type { StateEntry } from '../../../protocol/methods/state.ts'
import type { Client } from '../../sdk/index.ts'
import { type ArgsOf, type Cli, type Globals, words } from '../command.ts'
import { withClient } from '../connection.ts'
import { EXIT } from '../exit-codes.ts'
import { jsonArgument } from '../json-argument.ts'
import { duration } from '../render/durations.ts'
import { type Column, table } from '../render/table.ts'
import { readText } from '../text-input.ts'
import { UsageError } from '../usage-error.ts'

const VERBS = ['get', 'set', 'delete', 'list'] as const

/** Most that one request brings. */
const PAGE = 1000

export const builder = (yargs: Argv<Globals>) =>
  yargs
    .positional('verb', { choices: VERBS, demandOption: true, describe: 'What to do' })
    .positional('what', {
      type: 'string',
      array: true,
      describe: 'A key, for set also its value (- reads stdin); for list what keys begin with',
    })
    .option('text', {
      type: 'boolean',
      default: false,
      describe: 'With set: the value is a text; default: JSON. With get: print a text as it is',
    })
    .option('if-version', {
      type: 'number',
      requiresArg: true,
      describe: 'Change it only if it has this version; 0 = if there is no such key',
    })
    .option('values', { type: 'boolean', default: false, describe: 'With list: also the values' })
    .option('stdin', { type: 'boolean', hidden: true })

type Args = ArgsOf<typeof builder>

export async function handler(args: Args, cli: Cli): Promise<number> {
  const [first, ...rest] = words(args.what, args)
  const { verb } = args
  if (verb === 'list') {
    noMore(rest)
    return await withClient(cli, (client) => list(client, first ?? '', args, cli))
  }
  if (first === undefined) throw new UsageError(`agentmq state ${verb} needs a key`)
  if (verb === 'set') {
    const value = await givenValue(args, rest, cli)
    return await withClient(cli, (client) => set(client, first, value, args, cli))
  }
  noMore(rest)
  return await withClient(cli, (client) =>
    verb === 'get' ? get(client, first, args, cli) : remove(client, first, args, cli),
  )
}

function noMore([first]: readonly string[]): void {
  if (first !== undefined)
    throw new UsageError(`unknown argument ${first}; see agentmq state --help`)
}

async function givenValue(args: Args, rest: readonly string[], cli: Cli): Promise<unknown> {
  const isFromInput = args.stdin === true
  if (rest.length === 0 && !isFromInput) throw new UsageError('agentmq state set needs a value')
  const text = await readText(rest, isFromInput, cli)
  return args.text ? text : jsonArgument('the value', text, '; for a text as it is, say --text')
}

function versionOf({ 'if-version': version }: Args): { version?: number } {
  return version === undefined ? {} : { version }
}

async function get(client: Client, key: string, args: Args, { output }: Cli): Promise<number> {
  const entry = await client.call('state.get', { key })
  if (output.json) output.record(entry)
  else if (args.text && typeof entry.value === 'string') output.line(entry.value)
  else output.line(JSON.stringify(entry.value))
  return EXIT.ok
}

async function set(
  client: Client,
  key: string,
  value: unknown,
  args: Args,
  { output }: Cli,
): Promise<number> {
  const result = await client.call('state.set', { key, value, ...versionOf(args) })
  if (output.json) output.record(result)
  else output.line(`${key}  version ${result.version}`)
  return EXIT.ok
}

async function remove(client: Client, key: string, args: Args, { output }: Cli): Promise<number> {
  const result = await client.call('state.delete', { key, ...versionOf(args) })
  if (output.json) output.record(result)
  else output.line(`${key}  ${result.deleted ? 'deleted' : 'was not there'}`)
  return EXIT.ok
}

/** One page after the other: a record a line for programs, a table of all for people. */
async function list(client: Client, prefix: string, args: Args, cli: Cli): Promise<number> {
  const { output, signal } = cli
  const { values } = args
  const found: StateEntry[] = []
  let after: string | undefined
  do {
    const behind = after === undefined ? {} : { after }
    const page = { prefix, values, limit: PAGE, ...behind }
    const { entries, next } = await client.call('state.list', page, { signal })
    if (output.json) for (const entry of entries) output.record(entry)
    else found.push(...entries)
    await output.drained()
    after = next
  } while (after !== undefined)
  if (output.json) return EXIT.ok
  if (found.length === 0) output.note('no such key')
  else for (const line of table(columns(values, Date.now()), found, output)) output.line(line)
  return EXIT.ok
}

function columns(values: boolean, now: number): readonly Column<StateEntry>[] {
  const columns: Column<StateEntry>[] = [
    { title: 'KEY', value: ({ key }) => key },
    { title: 'VERSION', value: ({ version }) => String(version), align: 'right' },
    { title: 'CHANGED', value: ({ updated_at }) => duration(now - updated_at), align: 'right' },
  ]
  if (values) columns.push({ title: 'VALUE', value: ({ value }) => JSON.stringify(value) })
  return columns
}
