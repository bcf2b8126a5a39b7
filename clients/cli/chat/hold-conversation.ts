/** Puts a conversation on this terminal or pipe: what `chat` and `attach` have in common. */

import type { SessionHandle, StreamItem } from '../../sdk/index.ts'
import type { Cli } from '../command.ts'
import { noteQuestion } from '../question-note.ts'
import { StreamView } from '../stream-view.ts'
import { Approver } from './approver.ts'
import { Conversation } from './conversation.ts'
import { type LineSource, PipeLines, TerminalLines } from './lines.ts'
import { Talk, type TalkEnd } from './talk.ts'

export interface HoldOptions {
  readonly session: SessionHandle
  readonly from: number
  readonly head: number
  /** First prompt; may be empty. */
  readonly first: string
  readonly thinking: boolean
  readonly tools: boolean
}

export interface Held {
  readonly end: TalkEnd
  readonly exitCode: number
}

/** People talk here: both ends are a terminal, and nobody wants JSON. */
export function isInteractive(cli: Cli): boolean {
  return cli.input.isTTY === true && cli.output.isTerminal && !cli.output.json
}

export async function holdConversation(cli: Cli, options: HoldOptions): Promise<Held> {
  const { session, from, head, first } = options
  const following = new AbortController()
  const lines = lineSource(cli)
  const view = new StreamView(cli.output, options)
  const isTalk = isInteractive(cli)
  const approver = isTalk ? new Approver({ cli, session, lines }) : undefined
  const show = shower(view, lines, isTalk)
  const conversation = new Conversation(session, {
    from,
    head,
    show: (item, isMine) => {
      show(item, isMine)
      if (approver) approver.see(item)
      else if (item.type !== 'gap' && item.seq > head) noteQuestion(item, cli)
    },
    signal: following.signal,
  })
  conversation.start()
  const talk = new Talk({ cli, conversation, lines, approver, isInteractive: isTalk })
  try {
    const end = await talk.run(first)
    return { end, exitCode: talk.exitCode }
  } finally {
    approver?.close()
    lines.close()
    view.breakLine()
    following.abort()
  }
}

function lineSource(cli: Cli): LineSource {
  const { input, output, interrupts } = cli
  if (isInteractive(cli)) return new TerminalLines(input, output, interrupts)
  return new PipeLines(input, output)
}

/** On a terminal the user has just seen what he typed; in a script the prompt is part of the record. */
function shower(view: StreamView, lines: LineSource, isTyped: boolean) {
  return (item: StreamItem, isMine: boolean) => {
    if (isMine && isTyped) return
    const before = view.isAtLineStart
    const text = view.text(item)
    if (text !== '') lines.interject(text, { before, after: view.isAtLineStart })
  }
}
