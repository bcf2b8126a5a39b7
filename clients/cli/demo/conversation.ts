/** The conversation of the demo: two turns with the demo agent, shown as they stream. */

import { ProtocolError } from '../../../protocol/errors.ts'
import type { Client } from '../../sdk/index.ts'
import type { Output } from '../output.ts'
import { StreamView } from '../stream-view.ts'

const PROMPTS = [
  'Hello! Have a look around: what is in this directory?',
  'And do you still know what I asked? @@recall',
]

export interface Played {
  /** From the first prompt to the first piece of the answer. */
  readonly firstMs: number
  readonly turns: number
}

export async function playConversation(
  client: Client,
  output: Output,
  cwd: string,
): Promise<Played> {
  const session = await client.createSession({ backend: 'demo', name: 'first', cwd })
  output.line(output.style.dim(`· session ${session.id} runs a process, pid ${session.info.pid}`))
  output.line()
  const view = new StreamView(output)
  const askedAt = performance.now()
  let firstMs = 0
  let turns = 0
  await session.prompt(PROMPTS[0] ?? '')
  for await (const item of session.follow({ until: 'complete' })) {
    if (firstMs === 0 && isAnswer(item.type)) firstMs = performance.now() - askedAt
    view.show(item)
    if (item.type !== 'turn_complete') continue
    if (item.reason !== 'end_turn') throw failed(`turn ${item.turn_number}: ${item.reason}`)
    turns += 1
    const next = PROMPTS[turns]
    if (next !== undefined) await session.prompt(next)
    else await session.stop()
  }
  if (turns < PROMPTS.length) throw failed(`only ${turns} turns ended`)
  return { firstMs, turns }
}

function isAnswer(type: string): boolean {
  return type === 'text' || type === 'thinking'
}

function failed(reason: string): ProtocolError {
  return new ProtocolError('INTERNAL', { reason }, { where: 'cli' })
}
