/** `agentmq tasks`: what is to be done, by whom, and how far it is. */
import type { Argv } from 'yargs'
import type { Params } from '../../../protocol/methods/index.ts'
import type { TaskInfo, TaskStatus } from '../../../protocol/methods/task.ts'
import type { Client } from '../../sdk/index.ts'
import { type ArgsOf, type Cli, type Globals, words } from '../command.ts'
import { withClient } from '../connection.ts'
import { actOnEach } from '../each-session.ts'
import { EXIT } from '../exit-codes.ts'
import { jsonObject } from '../json-argument.ts'
import { duration } from '../render/durations.ts'
import { type Column, table } from '../render/table.ts'
import { taskLines } from '../render/task-lines.ts'
import { shortId } from '../session-text.ts'
import { UsageError } from '../usage-error.ts'

const VERBS = ['list', 'show', 'add', 'update', 'approve', 'reject', 'rm'] as const
const STATUSES = ['todo', 'in_progress', 'done', 'blocked'] as const satisfies readonly TaskStatus[]

/** Most that one request brings. */
const PAGE = 1000

const text = (describe: string) => ({ type: 'string', requiresArg: true, describe }) as const

export const builder = (yargs: Argv<Globals>) =>
  yargs
    .positional('verb', { choices: VERBS, demandOption: true, describe: 'What to do' })
    .positional('what', {
      type: 'string',
      array: true,
      describe:
        'A task by its id or the beginning of it; approve, reject and rm take several; for add its title',
    })
    .option('status', {
      choices: STATUSES,
      array: true,
      requiresArg: true,
      describe: 'Its status; with list, only those (repeatable)',
    })
    .option('assigned-to', text('Who does it; "" = nobody. With list, only those'))
    .option('title', text('With update: its new title'))
    .option('description', text('What is to be done at length'))
    .option('priority', { type: 'number', requiresArg: true, describe: 'Higher is more urgent' })
    .option(
      'metadata',
      text('What to keep with it; with update it is merged, null takes a key away: a JSON object'),
    )
    .option('if-version', {
      type: 'number',
      requiresArg: true,
      describe: 'Change it only if it has this version',
    })
    .option('limit', { type: 'number', requiresArg: true, describe: 'With list: at most so many' })

type Args = ArgsOf<typeof builder>

export async function handler(args: Args, cli: Cli): Promise<number> {
  const what = words(args.what, args)
  checkFlags(args, what)
  return await withClient(cli, (client) => run(client, args, what, cli))
}

async function run(client: Client, args: Args, what: readonly string[], cli: Cli): Promise<number> {
  const { verb } = args
  switch (verb) {
    case 'list':
      return await list(client, args, cli)
    case 'show':
      return show(await client.call('task.get', { task: only(what) }), cli)
    case 'add':
      return say('added', await client.call('task.create', added(args, what)), cli)
    case 'update': {
      const params = { task: only(what), ...versionOf(args), ...fields(args), ...titleOf(args) }
      return say('updated', await client.call('task.update', params), cli)
    }
    case 'approve':
    case 'reject': {
      const approved = verb === 'approve'
      const act = async (task: string) => {
        const result = await client.call('task.approve', { task, approved, ...versionOf(args) })
        return { result, line: changeLine(approved ? 'approved' : 'rejected', result) }
      }
      return await actOnEach(client, what, cli, (_, task) => act(task), 'tasks')
    }
    case 'rm': {
      const act = async (task: string) => {
        const result = await client.call('task.remove', { task, ...versionOf(args) })
        return { result, line: changeLine('removed', result) }
      }
      return await actOnEach(client, what, cli, (_, task) => act(task), 'tasks')
    }
  }
}

/** What was given for another verb is not ignored: it was meant to do something. */
function checkFlags(args: Args, what: readonly string[]): void {
  const { verb } = args
  const isNeeded = verb !== 'list'
  if (isNeeded && what.length === 0) {
    throw new UsageError(`agentmq tasks ${verb} needs a ${verb === 'add' ? 'title' : 'task'}`)
  }
  if (!isNeeded && what.length > 0)
    throw new UsageError('agentmq tasks list takes no task; see show')
  const allowed = FLAGS_OF[verb]
  for (const flag of OWN_FLAGS) {
    if (args[flag] !== undefined && !allowed.includes(flag)) {
      throw new UsageError(`--${flag} does not go with agentmq tasks ${verb}`)
    }
  }
  if (verb !== 'list' && (args.status?.length ?? 0) > 1)
    throw new UsageError('a task has one status')
}

const OWN_FLAGS = [
  ...(['status', 'assigned-to', 'title', 'description'] as const),
  ...(['priority', 'metadata', 'if-version', 'limit'] as const),
]
type OwnFlag = (typeof OWN_FLAGS)[number]

const FIELD_FLAGS: readonly OwnFlag[] = [
  'status',
  'assigned-to',
  'description',
  'priority',
  'metadata',
]
const FLAGS_OF: Readonly<Record<(typeof VERBS)[number], readonly OwnFlag[]>> = {
  list: ['status', 'assigned-to', 'limit'],
  show: [],
  add: FIELD_FLAGS,
  update: [...FIELD_FLAGS, 'title', 'if-version'],
  approve: ['if-version'],
  reject: ['if-version'],
  rm: ['if-version'],
}

function only(what: readonly string[]): string {
  const [task = '', second] = what
  if (second !== undefined) throw new UsageError('one task at a time')
  return task
}

function fields(args: Args): Omit<Params<'task.update'>, 'task'> {
  const { description, priority, metadata, 'assigned-to': assigned } = args
  const [status] = args.status ?? []
  return {
    ...(status !== undefined && { status }),
    ...(assigned !== undefined && { assigned_to: assigned }),
    ...(description !== undefined && { description }),
    ...(priority !== undefined && { priority }),
    ...(metadata !== undefined && { metadata: jsonObject('--metadata', metadata) }),
  }
}

function added(args: Args, what: readonly string[]): Params<'task.create'> {
  return { title: what.join(' '), ...fields(args) }
}

const titleOf = ({ title }: Args) => (title === undefined ? {} : { title })

function versionOf({ 'if-version': version }: Args): { version?: number } {
  return version === undefined ? {} : { version }
}

async function list(client: Client, args: Args, cli: Cli): Promise<number> {
  const { status, 'assigned-to': assigned, limit = Number.POSITIVE_INFINITY } = args
  const filter = {
    ...(status && status.length > 0 && { status: [...status] }),
    ...(assigned !== undefined && { assigned_to: assigned }),
  }
  const tasks: TaskInfo[] = []
  let total = 0
  do {
    const page = { limit: Math.min(PAGE, limit - tasks.length), offset: tasks.length }
    const result = await client.call('task.list', { ...filter, ...page }, { signal: cli.signal })
    if (result.tasks.length === 0) break
    tasks.push(...result.tasks)
    total = result.total
  } while (tasks.length < Math.min(limit, total))
  if (cli.output.json) cli.output.record({ tasks, total })
  else if (tasks.length === 0) cli.output.note('no task; add one with `agentmq tasks add TITLE`')
  else for (const line of table(columns(Date.now()), tasks, cli.output)) cli.output.line(line)
  return EXIT.ok
}

function columns(now: number): readonly Column<TaskInfo>[] {
  return [
    { title: 'TASK', value: ({ task }) => shortId(task) },
    { title: 'STATUS', value: ({ status }) => status },
    { title: 'PRIO', value: ({ priority }) => String(priority), align: 'right' },
    { title: 'ASSIGNED TO', value: ({ assigned_to }) => shortId(assigned_to) },
    { title: 'CHANGED', value: ({ updated_at }) => duration(now - updated_at), align: 'right' },
    { title: 'TITLE', value: ({ title }) => title },
  ]
}

function show(task: TaskInfo, { output }: Cli): number {
  if (output.json) output.record(task)
  else for (const line of taskLines(task)) output.line(line)
  return EXIT.ok
}

function say(done: string, task: TaskInfo, { output }: Cli): number {
  if (output.json) output.record(task)
  else output.line(changeLine(done, task))
  return EXIT.ok
}

/** The whole id: it goes into scripts. */
function changeLine(done: string, { task }: Pick<TaskInfo, 'task'>): string {
  return `${task}  ${done}`
}
