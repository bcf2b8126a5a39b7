/** `agentmq context`: names for the places of brokers, in the config file. */
import type { Argv } from 'yargs'
import type { PlaceSettings } from '../../../protocol/endpoints.ts'
import { fingerprint, isKey } from '../../../protocol/keys/key-pair.ts'
import { type ArgsOf, type Cli, type Globals, words } from '../command.ts'
import { addContext } from '../config/add-context.ts'
import {
  type Contexts,
  contextNamed,
  readContexts,
  removeContext,
  useContext,
} from '../config/contexts.ts'
import { EXIT } from '../exit-codes.ts'
import { labelledLines } from '../keys/lines.ts'
import { ownPublicKey } from '../keys/own-key.ts'
import { type Column, table } from '../render/table.ts'
import { readContextSettings } from '../settings.ts'
import { UsageError } from '../usage-error.ts'

const VERBS = ['add', 'list', 'show', 'use', 'remove'] as const
type Verb = (typeof VERBS)[number]

export const builder = (yargs: Argv<Globals>) =>
  yargs
    .positional('verb', { choices: VERBS, demandOption: true, describe: 'What to do' })
    .positional('name', { type: 'string', describe: 'Name of the context' })
    .option('server', {
      type: 'string',
      requiresArg: true,
      describe: 'With add: endpoint of the broker, tcp://… or ipc://…',
    })
    .option('key', {
      type: 'string',
      requiresArg: true,
      describe: 'With add: public key of the broker, the same as --broker-key',
    })
    .option('force', {
      type: 'boolean',
      default: false,
      describe: 'With add: replace a context of this name',
    })
    .option('check', {
      type: 'boolean',
      default: true,
      describe: 'With add: try it, so that its key can be approved; --no-check: do not',
    })
    .option('none', {
      type: 'boolean',
      default: false,
      describe: 'With use: the broker of this machine again',
    })

type Args = ArgsOf<typeof builder>

const ACTIONS: Readonly<Record<Verb, (args: Args, cli: Cli) => number | Promise<number>>> = {
  add: (args, cli) => addContext(requiredName(args), args, cli),
  list,
  show,
  use,
  remove,
}

export async function handler(args: Args, cli: Cli): Promise<number> {
  const isOfAdd = args.server !== undefined || args.key !== undefined || args.force || !args.check
  if (isOfAdd && args.verb !== 'add')
    throw new UsageError('--server, --key, --force and --no-check go with agentmq context add')
  if (args.none && args.verb !== 'use') throw new UsageError('--none goes with agentmq context use')
  return await ACTIONS[args.verb](args, cli)
}

/** The one name that was given. */
function nameIn(args: Args): string | undefined {
  const [name, second] = words(args.name, args)
  if (second === undefined) return name
  throw new UsageError(`unknown argument ${second}; see agentmq context --help`)
}

function requiredName(args: Args): string {
  const name = nameIn(args)
  if (name === undefined) throw new UsageError(`agentmq context ${args.verb} needs a name`)
  return name
}

interface Row {
  readonly name: string
  readonly place: PlaceSettings
  readonly isCurrent: boolean
}

function list(args: Args, cli: Cli): number {
  if (nameIn(args) !== undefined)
    throw new UsageError('agentmq context list takes no name; see show')
  const contexts = readContexts(cli)
  const rows = Object.entries(contexts.byName).map(([name, place]) => ({
    ...{ name, place },
    isCurrent: name === contexts.current,
  }))
  const { output } = cli
  if (output.json) {
    output.record({ contexts: rows.map(recordOf), current: contexts.current ?? null })
  } else if (rows.length === 0) {
    output.note(`no context in ${contexts.file}; agentmq context add NAME --server tcp://…`)
  } else for (const line of table(columns(cli), rows, output)) output.line(line)
  return EXIT.ok
}

function recordOf({ name, place, isCurrent }: Row): object {
  const { broker_key } = place
  const known = broker_key !== undefined && isKey(broker_key)
  return {
    name,
    current: isCurrent,
    ...place,
    ...(known && { fingerprint: fingerprint(broker_key) }),
  }
}

function columns({ output: { style } }: Cli): readonly Column<Row>[] {
  return [
    {
      title: 'CONTEXT',
      value: ({ name }) => name,
      paint: (cell, { isCurrent }) => (isCurrent ? style.bold(cell) : cell),
    },
    { title: 'USED', value: ({ isCurrent }) => (isCurrent ? 'yes' : '') },
    { title: 'BROKER', value: ({ place }) => place.endpoint ?? '' },
    { title: 'BROKER KEY', value: ({ place }) => shortKey(place.broker_key) },
    { title: 'DIRECTORY', value: ({ place }) => place.dir ?? '' },
  ]
}

function shortKey(key: string | undefined): string {
  if (key === undefined) return ''
  return isKey(key) ? fingerprint(key) : 'is no key'
}

function show(args: Args, cli: Cli): number {
  const contexts = readContexts(cli)
  const name = nameIn(args) ?? contexts.current
  if (name === undefined) {
    cli.output.note('no context is used: commands talk to the broker of this machine')
    return EXIT.ok
  }
  const place = contextNamed(contexts, name)
  tellContext({ name, place, isCurrent: name === contexts.current }, contexts, cli)
  return EXIT.ok
}

function tellContext(row: Row, { file }: Contexts, cli: Cli): void {
  const { name, place, isCurrent } = row
  const { output, env } = cli
  const isRemote = place.broker_key !== undefined
  const own = isRemote ? ownPublicKey(env, readContextSettings(cli, name), 'client') : undefined
  if (output.json) {
    output.record({ ...recordOf(row), file, ...(own && { own }) })
    return
  }
  const rows = [
    ['context', `${name}${isCurrent ? ' (used)' : ''}`],
    ['broker', place.endpoint],
    ['its key', place.broker_key && `${shortKey(place.broker_key)}  '${place.broker_key}'`],
    ['own key', own && `${own.fingerprint}  ${own.key_file}`],
    ['directory', place.dir],
    ['file', file],
  ] as const
  for (const line of labelledLines(rows, output)) output.line(line)
}

function use(args: Args, cli: Cli): number {
  const name = nameIn(args)
  if ((name === undefined) !== args.none) {
    throw new UsageError('agentmq context use needs a name, or --none, and not both')
  }
  if (name !== undefined) contextNamed(readContexts(cli), name)
  useContext(cli, name)
  const { output } = cli
  if (output.json) output.record({ current: name ?? null })
  else
    output.line(
      name === undefined
        ? 'commands talk to the broker of this machine'
        : `commands talk to ${name}`,
    )
  const meant = readContexts(cli).current
  if (meant !== name)
    output.note('· a flag or a variable of the environment says otherwise for now')
  return EXIT.ok
}

function remove(args: Args, cli: Cli): number {
  const name = requiredName(args)
  contextNamed(readContexts(cli), name)
  const wasUsual = removeContext(cli, name)
  const { output } = cli
  if (output.json) output.record({ removed: name, was_used: wasUsual })
  else output.line(`${name}  removed`)
  if (wasUsual)
    output.note('· it was the usual one: commands talk to the broker of this machine now')
  return EXIT.ok
}
