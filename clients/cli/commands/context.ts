/** `agentmq context`: names for the places of brokers, in the config file. */
import type { Argv } from 'yargs'
import type { PlaceSettings } from '../../../protocol/endpoints.ts'
import { fingerprint, isKey } from '../../../protocol/keys/key-pair.ts'
import { type ArgsOf, type Cli, type Globals, words } from '../command.ts'
import {
  absolute,
  CONTEXT_NAME,
  type Contexts,
  contextNamed,
  readContexts,
  removeContext,
  saveContext,
  useContext,
} from '../config/contexts.ts'
import { type Contact, tryContext } from '../config/first-contact.ts'
import { EXIT } from '../exit-codes.ts'
import { ownPublicKey, type PublicKey } from '../keys/own-key.ts'
import { type Column, table } from '../render/table.ts'
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
  add,
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

async function add(args: Args, cli: Cli): Promise<number> {
  const name = requiredName(args)
  if (!CONTEXT_NAME.test(name)) {
    throw new UsageError(`${name} is no name for a context: letters, digits, dot, dash, underscore`)
  }
  const place = placeIn(args, cli)
  const { byName, file } = readContexts(cli)
  const before = Object.hasOwn(byName, name) ? byName[name] : undefined
  if (before && !args.force && !isSame(before, place)) {
    throw new UsageError(`there is a context ${name} already, another one; --force replaces it`)
  }
  saveContext(cli, name, place)
  const key = place.broker_key === undefined ? undefined : ownPublicKey(cli.env, place, 'client')
  const contact = args.check ? await tryContext(place, cli) : undefined
  tellAdded({ name, place, file, key, contact }, cli)
  return EXIT.ok
}

interface Added {
  readonly name: string
  readonly place: PlaceSettings
  readonly file: string
  readonly key: PublicKey | undefined
  readonly contact: Contact | undefined
}

function tellAdded({ name, place, file, key, contact }: Added, { output }: Cli): void {
  if (output.json) {
    const tried =
      contact && ('error' in contact ? { ...contact, error: contact.error.toWire() } : contact)
    output.record({
      context: name,
      ...place,
      file,
      ...(key && { own: key }),
      ...(tried && { tried }),
    })
    return
  }
  output.line(`context ${name} is in ${file}`)
  if (key) output.line(`own key ${key.fingerprint}`)
  if (contact?.status === 'connected') {
    output.line(`connected as ${contact.principal} (${contact.roles.join(', ')})`)
  } else if (contact) {
    output.note(`· not connected yet: ${contact.error.message}`)
    output.note(`  → ${contact.error.advice}`)
  }
  output.note(`· agentmq ps --context ${name}, or for every command: agentmq context use ${name}`)
}

/** Throws UsageError for what could never work. */
function placeIn({ server, key, ...args }: Args, cli: Cli): PlaceSettings {
  const { globals } = cli
  const endpoint = server ?? globals.endpoint
  const dir = absolute(globals.dir, cli)
  const broker_key = key ?? globals['broker-key']
  if (endpoint === undefined && dir === undefined) {
    throw new UsageError(`agentmq context ${args.verb} needs --server tcp://…, or --dir`)
  }
  checkKey(endpoint, broker_key)
  const key_file = absolute(globals['key-file'], cli)
  return {
    ...(endpoint !== undefined && { endpoint }),
    ...(dir !== undefined && { dir }),
    ...(broker_key !== undefined && { broker_key }),
    ...(key_file !== undefined && { key_file }),
    ...(globals['foreign-socket'] === true && { foreign_socket: true }),
  }
}

const LOOPBACK = /^tcp:\/\/(127\.\d+\.\d+\.\d+|localhost|\[::1\]):/

function checkKey(endpoint: string | undefined, key: string | undefined): void {
  const isTcp = endpoint?.startsWith('tcp://') === true
  if (key === undefined) {
    if (!isTcp || LOOPBACK.test(endpoint)) return
    const where = '`agentmq keys export-context` on its machine prints it'
    throw new UsageError(`a broker of another machine is known by its key: --key; ${where}`)
  }
  if (!isTcp)
    throw new UsageError('--key goes with --server tcp://…; on this machine none is needed')
  if (isKey(key)) return
  const hint = /^[0-9a-f]{5}(-[0-9a-f]{5}){3}$/.test(key) ? ', this is a fingerprint' : ''
  throw new UsageError(`--key is no public key: 40 characters are expected, in quotes${hint}`)
}

function isSame(a: PlaceSettings, b: PlaceSettings): boolean {
  const text = (place: PlaceSettings) => JSON.stringify(Object.entries(place).sort())
  return text(a) === text(b)
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

function tellContext(row: Row, { file }: Contexts, { output, env }: Cli): void {
  const { name, place, isCurrent } = row
  const own = place.broker_key === undefined ? undefined : ownPublicKey(env, place, 'client')
  if (output.json) {
    output.record({ ...recordOf(row), file, ...(own && { own }) })
    return
  }
  const lines: readonly (readonly [label: string, text: string | undefined])[] = [
    ['context', `${name}${isCurrent ? ' (used)' : ''}`],
    ['broker', place.endpoint],
    ['its key', place.broker_key && `${shortKey(place.broker_key)}  '${place.broker_key}'`],
    ['own key', own && `${own.fingerprint}  ${own.key_file}`],
    ['directory', place.dir],
    ['file', file],
  ]
  for (const [label, text] of lines) {
    if (text !== undefined) output.line(`${output.style.bold(label.padEnd(LABEL_WIDTH))}${text}`)
  }
}

const LABEL_WIDTH = 11

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
