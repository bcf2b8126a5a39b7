/** `agentmq keys`: the key of the broker, and the keys and rights of those who come over a network. */
import type { Argv } from 'yargs'
import { ROLES } from '../../../protocol/messages/handshake.ts'
import { REACHES } from '../../../protocol/methods/define.ts'
import type { Client } from '../../sdk/index.ts'
import { type ArgsOf, type Cli, type Globals, words } from '../command.ts'
import { CONTEXT_NAME } from '../config/contexts.ts'
import { withClient } from '../connection.ts'
import { exportContext } from '../keys/export-context.ts'
import { addKey, approveKey, checkPrincipal, revokeKeys } from '../keys/grant.ts'
import { initKeys, showKey } from '../keys/init.ts'
import { listKeys, listPending } from '../keys/list.ts'
import { givenKey } from '../keys/public-key-input.ts'
import { rotateKey, STEPS, type Step } from '../keys/rotate.ts'
import { UsageError } from '../usage-error.ts'

const VERBS = [
  ...(['init', 'list', 'pending', 'approve', 'add', 'revoke'] as const),
  ...(['rotate', 'export-context', 'show'] as const),
]
type Verb = (typeof VERBS)[number]

const text = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const

export const builder = (yargs: Argv<Globals>) =>
  yargs
    .positional('verb', { choices: VERBS, demandOption: true, describe: 'What to do' })
    .positional('what', {
      type: 'string',
      describe:
        'For add a name; for approve a fingerprint or its beginning; for revoke either; for rotate a step; for export-context the name of the context',
    })
    .option('as', text('With approve: name of the principal that the key is for'))
    .option('role', {
      choices: ROLES,
      array: true,
      requiresArg: true,
      describe: 'With add and approve: what it may be used for (repeatable); default: operator',
    })
    .option('reach', {
      choices: REACHES,
      requiresArg: true,
      describe: 'With add and approve: all sessions, or those that it has created',
    })
    .option('note', text('With add and approve: a note for people'))
    .option('key', text('With add: its public key, in quotes'))
    .option(
      'from',
      text('With add: a file with its public key, as `keys show` writes it; - = stdin'),
    )
    .option('host', text('With show: the key of this host in place of that of clients'))
    .option('raw', { type: 'boolean', default: false, describe: 'With show: the public key alone' })
    .option('yes', {
      type: 'boolean',
      default: false,
      describe: 'With revoke and rotate: do not ask',
    })
    .option('stdin', { type: 'boolean', hidden: true })

type Args = ArgsOf<typeof builder>

type OwnFlag = 'as' | 'role' | 'reach' | 'note' | 'key' | 'from' | 'host' | 'raw' | 'yes' | 'stdin'

interface VerbRow {
  /** Words behind the verb: the fewest and the most. */
  readonly words: readonly [number, number]
  /** What they are, for people. */
  readonly needs: string
  readonly flags: readonly OwnFlag[]
}

const GRANT = ['role', 'reach', 'note'] as const

const ROWS: Readonly<Record<Verb, VerbRow>> = {
  init: { words: [0, 0], needs: 'nothing', flags: [] },
  list: { words: [0, 0], needs: 'nothing', flags: [] },
  pending: { words: [0, 0], needs: 'nothing', flags: [] },
  approve: {
    words: [1, 1],
    needs: 'one fingerprint, as `agentmq keys pending` shows it',
    flags: ['as', ...GRANT],
  },
  add: {
    words: [1, 1],
    needs: 'one name for the principal',
    flags: ['key', 'from', 'stdin', ...GRANT],
  },
  revoke: { words: [1, 1], needs: 'one principal, or one fingerprint', flags: ['yes'] },
  rotate: { words: [0, 1], needs: `at most one step: ${STEPS.join(', ')}`, flags: ['yes'] },
  'export-context': { words: [0, 1], needs: 'at most one name for the context', flags: [] },
  show: { words: [0, 0], needs: 'nothing', flags: ['host', 'raw'] },
}

const OWN_FLAGS: readonly OwnFlag[] = [
  ...(['as', 'role', 'reach', 'note', 'key', 'from', 'host', 'raw', 'yes', 'stdin'] as const),
]

export async function handler(args: Args, cli: Cli): Promise<number> {
  const what = words(args.what, args)
  check(args, what)
  if (args.verb === 'init') return initKeys(cli)
  if (args.verb === 'show') return showKey(args, cli)
  const ready = await prepared(args, what, cli)
  return await withClient(cli, (client) => ready(client, cli))
}

/** What was given for another verb is not ignored: it was meant to do something. */
function check(args: Args, what: readonly string[]): void {
  const { verb } = args
  const { words: range, needs, flags } = ROWS[verb]
  const [fewest, most] = range
  if (what.length < fewest || what.length > most) {
    throw new UsageError(`agentmq keys ${verb} needs ${needs}; see agentmq keys --help`)
  }
  for (const flag of OWN_FLAGS) {
    const isGiven = args[flag] !== undefined && args[flag] !== false
    if (!isGiven || flags.includes(flag)) continue
    const name = flag === 'stdin' ? '-' : `--${flag}`
    throw new UsageError(`${name} does not go with agentmq keys ${verb}`)
  }
}

type Action = (client: Client, cli: Cli) => Promise<number>

/** Checks what can be checked before anybody is asked. Throws UsageError. */
async function prepared(args: Args, [first]: readonly string[], cli: Cli): Promise<Action> {
  const { verb, as } = args
  switch (verb) {
    case 'list':
      return listKeys
    case 'pending':
      return listPending
    case 'add': {
      const principal = checkPrincipal(first ?? '')
      const from = args.stdin === true ? '-' : args.from
      const key = await givenKey({ key: args.key, from }, cli)
      return (client) => addKey(client, principal, { ...args, key }, cli)
    }
    case 'approve': {
      if (as === undefined)
        throw new UsageError('agentmq keys approve needs --as NAME, and mostly --role')
      const principal = checkPrincipal(as)
      return (client) => approveKey(client, first ?? '', principal, args, cli)
    }
    case 'revoke':
      return (client) => revokeKeys(client, first ?? '', args, cli)
    case 'rotate': {
      const step = checkedStep(first)
      return (client) => rotateKey(client, step, args, cli)
    }
    case 'export-context':
      return exporting(first)
    default:
      throw new UsageError(`agentmq keys ${verb} needs no broker`)
  }
}

function checkedStep(word: string | undefined): Step | undefined {
  const step = STEPS.find((one) => one === word)
  if (word === undefined || step !== undefined) return step
  throw new UsageError(`${word} is no step; agentmq keys rotate ${STEPS.join(', ')}`)
}

function exporting(name: string | undefined): Action {
  if (name !== undefined && !CONTEXT_NAME.test(name)) {
    throw new UsageError(`${name} is no name for a context`)
  }
  return async (client, cli) => {
    const { readPlaces } = await import('../settings.ts')
    return await exportContext(client, { name, endpoint: readPlaces(cli).endpoint }, cli)
  }
}
