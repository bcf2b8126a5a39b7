/** `agentmq chat`: a conversation with an agent, on a terminal or over a pipe. */
import type { Argv } from 'yargs'
import { type Held, holdConversation, isInteractive } from '../chat/hold-conversation.ts'
import { newSession, type OpenedSession, oldSession } from '../chat/open-session.ts'
import { type ArgsOf, type Cli, type Globals, words } from '../command.ts'
import { withClient } from '../connection.ts'
import { EXIT } from '../exit-codes.ts'
import { sessionOptions } from '../session-options.ts'
import { commandFor, handleOf } from '../session-text.ts'
import { readText } from '../text-input.ts'

export const builder = (yargs: Argv<Globals>) =>
  sessionOptions(yargs)
    .positional('prompt', {
      type: 'string',
      array: true,
      describe: 'First prompt; more come from the terminal, or from stdin, one a line',
    })
    .option('backend', {
      type: 'string',
      requiresArg: true,
      describe: 'Backend; default: claude where a host has it, else demo',
    })
    .option('session', {
      alias: 's',
      type: 'string',
      requiresArg: true,
      describe: 'Go on with this session in place of a new one',
    })
    .option('thinking', {
      type: 'boolean',
      default: true,
      describe: 'Show reasoning; --no-thinking hides it',
    })
    .option('tools', {
      type: 'boolean',
      default: true,
      describe: 'Show tool calls; --no-tools hides them',
    })
    .option('keep', {
      type: 'boolean',
      default: false,
      describe: 'Over a pipe: let the new session live on at the end of input',
    })
    .option('stdin', { type: 'boolean', hidden: true })
    .conflicts('session', [
      'backend',
      'name',
      'model',
      'host',
      'label',
      'system-prompt',
      'deny-after',
      'env',
    ])

type Args = ArgsOf<typeof builder>

export async function handler(args: Args, cli: Cli): Promise<number> {
  const first = await readText(words(args.prompt, args), args.stdin === true, cli)
  return await withClient(cli, async (client, settings) => {
    const opened =
      args.session === undefined
        ? await newSession(client, args, settings, cli)
        : await oldSession(client, args.session, cli)
    try {
      const { thinking, tools } = args
      const options = { ...opened, head: opened.from - 1, first, thinking, tools }
      const held = await holdConversation(cli, options)
      return await leave(held, opened, args, cli)
    } catch (thrown) {
      if (isOurs(opened, args, cli)) await opened.session.stop().catch(() => undefined)
      throw thrown
    }
  })
}

/** A script that started a session and wanted one answer should leave no process behind. */
function isOurs(opened: OpenedSession, args: Args, cli: Cli): boolean {
  return opened.isNew && !args.keep && !isInteractive(cli)
}

async function leave(held: Held, opened: OpenedSession, args: Args, cli: Cli): Promise<number> {
  const { session } = opened
  const back = commandFor(`chat --session ${handleOf(session.info)}`, cli.globals)
  if (held.end === 'stopped') cli.output.note('· session stopped')
  else if (held.end === 'over') {
    cli.output.note(`· to go on with this conversation: ${back}`)
    return held.exitCode === EXIT.ok ? EXIT.failed : held.exitCode
  } else if (held.end === 'end-of-input' && isOurs(opened, args, cli)) await session.stop()
  else cli.output.note(`· the session lives on; come back with: ${back}`)
  return held.exitCode
}
