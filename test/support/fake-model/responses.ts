/** The OpenAI Responses API: reads its requests, plays the script's steps as its events. */

import type { Exchange } from './exchange.ts'
import { type JsonObject, member, objects, text } from './json.ts'
import { play, type Voice } from './play.ts'
import { ResponsesMessage } from './responses-message.ts'
import type { Entry, Script } from './script.ts'
import type { WireApi } from './wire.ts'

/** Items of the conversation; what is neither text nor the output of a tool is left out. */
function historyOf(body: JsonObject): Entry[] {
  return objects(member(body, 'input')).flatMap((item): Entry[] => {
    const type = text(member(item, 'type'))
    if (type.endsWith('_call_output')) {
      return [{ role: 'tool', text: JSON.stringify(member(item, 'output') ?? '') }]
    }
    const role = member(item, 'role') === 'assistant' ? 'assistant' : 'user'
    return objects(member(item, 'content')).map((part) => ({
      role,
      text: text(member(part, 'text')),
    }))
  })
}

async function answer(exchange: Exchange, script: Script): Promise<void> {
  const { body } = exchange
  const tools = objects(member(body, 'tools')).map((tool) => text(member(tool, 'name')))
  const decision = script.decide('responses', historyOf(body), tools.length === 0)
  const { failure, steps, ...situation } = decision
  const model = text(member(body, 'model'))
  exchange.notes = { ...situation, model, stream: member(body, 'stream') === true, tools }
  if (failure !== undefined) {
    const error = { type: 'fake', code: String(failure), message: `fake ${failure}` }
    return exchange.json(failure, { error }, failure === 429 ? { 'retry-after': '1' } : {})
  }
  const message = await ResponsesMessage.begin(exchange, model)
  const voice: Voice = {
    think: (words) => message.think(words),
    say: (words) => message.text(words),
    call: (call) => message.toolUse(call),
    overload: () => message.fail('server_is_overloaded', 'fake overload'),
    finish: () => message.finish(),
  }
  await play(steps, exchange, voice, '')
}

export const responses: WireApi = {
  name: 'responses',
  routes: [{ method: 'POST', path: /^\/v1\/responses$/, handle: answer }],
}
