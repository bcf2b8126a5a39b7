/** `agentmq workflow`: runs prompts that depend on each other, and shows how far they are. */
import type { Argv } from 'yargs'
import type { Client } from '../../sdk/index.ts'
import type { ArgsOf, Cli, Globals } from '../command.ts'
import { withClient } from '../connection.ts'
import { EXIT } from '../exit-codes.ts'
import {
  eventLine,
  statusLine,
  stepLines,
  type WorkflowInfo,
  workflowTable,
} from '../render/workflow-lines.ts'
import { UsageError } from '../usage-error.ts'
import { readWorkflow } from '../workflow-file.ts'

const ACTIONS = ['run', 'list', 'show', 'cancel'] as const

export const builder = (yargs: Argv<Globals>) =>
  yargs
    .positional('action', { choices: ACTIONS, demandOption: true, describe: 'What to do' })
    .positional('what', {
      type: 'string',
      describe: 'For run: a JSON file, or - for stdin; for show and cancel: the execution',
    })
    .option('stdin', { type: 'boolean', hidden: true })
    .option('input', {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'For run: a value that prompts may quote, NAME=VALUE; may be repeated',
    })
    .option('detach', {
      alias: 'd',
      type: 'boolean',
      default: false,
      describe: 'For run: do not wait for the end',
    })

type Args = ArgsOf<typeof builder>

export async function handler(args: Args, cli: Cli): Promise<number> {
  const { action } = args
  const what = args.stdin === true ? '-' : args.what
  if (action === 'list') return await withClient(cli, (client) => list(client, cli))
  if (what === undefined) {
    throw new UsageError(`workflow ${action} needs ${action === 'run' ? 'a file' : 'an execution'}`)
  }
  const params = action === 'run' ? await readWorkflow(what, args.input ?? [], cli) : undefined
  return await withClient(cli, async (client) => {
    if (params) return await run(client, params, args.detach, cli)
    const method = action === 'show' ? 'workflow.get' : 'workflow.cancel'
    const info = await client.call(method, { execution: what }, { signal: cli.signal })
    return show(info, cli)
  })
}

async function list(client: Client, { output, signal }: Cli): Promise<number> {
  const result = await client.call('workflow.list', {}, { signal })
  if (output.json) output.record(result)
  else if (result.workflows.length === 0) output.note('no workflow has been run')
  else for (const line of workflowTable(result.workflows, output)) output.line(line)
  return EXIT.ok
}

/** Shows what happens until it has ended; the last record or lines are the whole of it. */
async function run(
  client: Client,
  params: Awaited<ReturnType<typeof readWorkflow>>,
  isDetached: boolean,
  cli: Cli,
): Promise<number> {
  const { output, signal } = cli
  const begun = await client.call('workflow.execute', params, { signal })
  const { execution } = begun
  if (isDetached) {
    if (output.json) output.record(begun)
    else output.line(execution)
    return EXIT.ok
  }
  if (!output.json) output.note(`execution ${execution}; Ctrl-C leaves it running`)
  for await (const item of client.follow(`@workflow/${execution}`, { signal })) {
    if (item.type !== 'event') continue
    if (output.json) output.record(item)
    else output.line(eventLine(item, output.style))
    if (ENDS.has(item.event)) break
  }
  const ended = await client.call('workflow.get', { execution }, { signal })
  show(ended, cli)
  return ended.status === 'completed' ? EXIT.ok : EXIT.failed
}

const ENDS: ReadonlySet<string> = new Set(['completed', 'failed', 'cancelled'])

function show(info: WorkflowInfo, { output }: Cli): number {
  if (output.json) output.record(info)
  else {
    output.line(statusLine(info, output.style))
    for (const line of stepLines(info, output.style)) output.line(line)
  }
  return EXIT.ok
}
