/** `agentmq prompt`: one prompt to a session, followed until its turn ends. */
import type { Argv } from 'yargs'
import type { TurnReason } from '../../../protocol/messages/chunk.ts'
import type { SessionHandle, StreamItem } from '../../sdk/index.ts'
import { type ArgsOf, type Cli, type Globals, words } from '../command.ts'
import { withClient } from '../connection.ts'
import { EXIT } from '../exit-codes.ts'
import type { Interrupts } from '../interrupts.ts'
import { noteQuestion } from '../question-note.ts'
import { StreamView } from '../stream-view.ts'
import { requireText } from '../text-input.ts'
import { turnExit } from '../turn-exit.ts'

export const builder = (yargs: Argv<Globals>) =>
  yargs
    .positional('session', {
      type: 'string',
      demandOption: true,
      describe: 'Session id, its name, or the beginning of its id',
    })
    .positional('text', { type: 'string', array: true, describe: 'What to ask; - reads stdin' })
    .option('wait', {
      type: 'boolean',
      default: true,
      describe: 'Follow until the turn ends; --no-wait returns once the agent has the prompt',
    })
    .option('when-busy', {
      choices: ['queue', 'interrupt', 'reject'] as const,
      default: 'queue' as const,
      describe: 'What to do while another turn runs',
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
    .option('stdin', { type: 'boolean', hidden: true })

export async function handler(args: ArgsOf<typeof builder>, cli: Cli): Promise<number> {
  const text = await requireText(words(args.text, args), args.stdin === true, cli)
  return await withClient(cli, async (client) => {
    const session = client.session(args.session)
    const asked = await session.prompt(text, { whenBusy: args['when-busy'] })
    if (!args.wait) {
      if (cli.output.json) cli.output.record({ session: session.id, ...asked })
      else cli.output.line(`turn ${asked.turn}`)
      return EXIT.ok
    }
    using _ = interruptTurn(session, cli)
    const view = new StreamView(cli.output, {
      thinking: args.thinking,
      tools: args.tools,
      prompts: false,
    })
    return turnExit(await followTurn(session, asked, view, cli))
  })
}

/** The first Ctrl-C ends the turn, the second one leaves without it. */
function interruptTurn(session: SessionHandle, cli: Cli): ReturnType<Interrupts['take']> {
  let isAsked = false
  return cli.interrupts.take((name) => {
    if (isAsked || name === 'SIGTERM') {
      cli.interrupts.leave(name)
      return
    }
    isAsked = true
    cli.output.note('· interrupting the turn; Ctrl-C again leaves it')
    session.interrupt().catch(() => cli.interrupts.leave(name))
  })
}

/** Shows one turn. A stream that ends before the turn does means that the process is gone. */
async function followTurn(
  session: SessionHandle,
  asked: { readonly turn: number; readonly sequence: number },
  view: StreamView,
  cli: Cli,
): Promise<TurnReason> {
  const { signal } = cli
  const items = session.follow({ from: asked.sequence, signal, until: 'complete' })
  for await (const item of items) {
    if (concerns(item, asked.turn)) {
      view.show(item)
      noteQuestion(item, cli)
    }
    if (item.type === 'turn_complete' && item.turn_number === asked.turn) return item.reason
  }
  return 'gone'
}

/** A turn that was running before may still be writing. */
function concerns(item: StreamItem, turn: number): boolean {
  return item.type === 'gap' || item.turn === turn || item.turn === 0
}
