/** The flags that describe a new session, for `chat` and `spawn`. */
import type { Argv } from 'yargs'
import type { Params } from '../../protocol/methods/index.ts'
import {
  RECOVERIES,
  type RecoveryPolicy,
  THINKING_LEVELS,
  type ThinkingLevel,
} from '../../protocol/methods/session.ts'
import type { Cli, Globals } from './command.ts'
import { jsonObject } from './json-argument.ts'
import type { CliSettings } from './settings.ts'
import { UsageError } from './usage-error.ts'

export const sessionOptions = <T extends Globals>(yargs: Argv<T>) =>
  yargs
    .option('model', { type: 'string', requiresArg: true, describe: 'Model, as the CLI names it' })
    .option('cwd', {
      type: 'string',
      requiresArg: true,
      describe: 'Working directory of the agent; default: this one',
    })
    .option('name', {
      type: 'string',
      requiresArg: true,
      describe: 'Name for the session, to use in place of its id',
    })
    .option('allow-tool', {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'Tool that runs without asking (repeatable)',
    })
    .option('permission-mode', {
      type: 'string',
      requiresArg: true,
      describe: 'Permission mode, as the CLI names it',
    })
    .option('deny-after', {
      type: 'number',
      requiresArg: true,
      describe: 'Deny what the agent asks and nobody answers for so many seconds; default: wait',
    })
    .option('system-prompt', {
      type: 'string',
      requiresArg: true,
      describe: 'Text to add to the system prompt',
    })
    .option('agent-context', {
      type: 'string',
      requiresArg: true,
      describe: 'What the agent should know before it begins; put before the first prompt',
    })
    .option('think', {
      choices: THINKING_LEVELS,
      describe: 'How hard the model should think, where the CLI has such a setting',
    })
    .option('max-turns', {
      type: 'number',
      requiresArg: true,
      describe: 'Most requests to the model in one turn, where the CLI can count them',
    })
    .option('extra-arg', {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'Further argument for the CLI, where its host allows it (repeatable)',
    })
    .option('recovery', {
      choices: RECOVERIES,
      describe: 'After a failure: wait for `recover`, or let the next prompt begin a new process',
    })
    .option('metadata', {
      type: 'string',
      requiresArg: true,
      describe: 'What to keep with the session and show with --json: a JSON object',
    })
    .option('env', {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'Environment for the agent, NAME=VALUE (repeatable)',
    })
    .option('host', { type: 'string', requiresArg: true, describe: 'Host to run on: id or name' })
    .option('label', {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'Label that the host must have (repeatable)',
    })

export interface SessionFlags {
  readonly model?: string | undefined
  readonly cwd?: string | undefined
  readonly name?: string | undefined
  readonly 'allow-tool'?: readonly string[] | undefined
  readonly 'permission-mode'?: string | undefined
  readonly 'deny-after'?: number | undefined
  readonly 'system-prompt'?: string | undefined
  readonly 'agent-context'?: string | undefined
  readonly think?: ThinkingLevel | undefined
  readonly 'max-turns'?: number | undefined
  readonly 'extra-arg'?: readonly string[] | undefined
  readonly recovery?: RecoveryPolicy | undefined
  readonly metadata?: string | undefined
  readonly env?: readonly string[] | undefined
  readonly host?: string | undefined
  readonly label?: readonly string[] | undefined
}

type CreateParams = Params<'session.create'>

/** Where the command runs; undefined when its broker is on another machine, where that means nothing. */
export function ownDirectory({ cwd }: Cli, { broker_key }: CliSettings): string | undefined {
  return broker_key === undefined ? cwd : undefined
}

/** The parameters of `session.create` for these flags. `cwd` is where the command runs. */
export function createParams(
  flags: SessionFlags,
  backend: string,
  cwd: string | undefined,
): CreateParams {
  const isElsewhere = flags.host !== undefined || flags.label !== undefined
  // This directory means nothing on another machine: there the host's own default is better.
  const directory = flags.cwd ?? (isElsewhere ? undefined : cwd)
  return {
    backend,
    ...(directory !== undefined && { cwd: directory }),
    ...(flags.model !== undefined && { model: flags.model }),
    ...(flags.name !== undefined && { name: flags.name }),
    ...(flags['allow-tool'] && { allowed_tools: [...flags['allow-tool']] }),
    ...(flags['permission-mode'] !== undefined && { permission_mode: flags['permission-mode'] }),
    ...(flags['deny-after'] !== undefined && { approvals: denyAfter(flags['deny-after']) }),
    ...(flags['system-prompt'] !== undefined && { system_prompt: flags['system-prompt'] }),
    ...(flags['agent-context'] !== undefined && { context: flags['agent-context'] }),
    ...(flags.think !== undefined && { thinking: flags.think }),
    ...(flags['max-turns'] !== undefined && { max_turns: flags['max-turns'] }),
    ...(flags['extra-arg'] && { extra_args: [...flags['extra-arg']] }),
    ...(flags.recovery !== undefined && { recovery: flags.recovery }),
    ...(flags.metadata !== undefined && { metadata: jsonObject('--metadata', flags.metadata) }),
    ...(flags.env && { env: environment(flags.env) }),
    ...(flags.host !== undefined && { host: flags.host }),
    ...(flags.label && { labels: [...flags.label] }),
  }
}

function denyAfter(seconds: number): NonNullable<CreateParams['approvals']> {
  return { on_expiry: 'deny', expire_ms: Math.round(seconds * 1000) }
}

function environment(assignments: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    assignments.map((assignment) => {
      const at = assignment.indexOf('=')
      if (at < 1) throw new UsageError('--env takes NAME=VALUE, and what was given is not that')
      return [assignment.slice(0, at), assignment.slice(at + 1)]
    }),
  )
}
