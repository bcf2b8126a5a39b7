/** The Anthropic Messages API: reads its requests, plays the script's steps as its events. */

import { AnthropicMessage } from './anthropic-message.ts'
import type { Exchange } from './exchange.ts'
import { type JsonObject, member, objects, text } from './json.ts'
import { play, type Voice } from './play.ts'
import type { Entry, Script } from './script.ts'
import type { WireApi } from './wire.ts'

const ERROR_TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  529: 'overloaded_error',
}

function errorBody(status: number): JsonObject {
  const type = ERROR_TYPES[status] ?? 'api_error'
  return { type: 'error', error: { type, message: `fake ${status}` }, request_id: 'req_fake' }
}

/** One entry per text block and tool result: a message may hold several. */
function historyOf(body: JsonObject): Entry[] {
  return objects(member(body, 'messages')).flatMap((message): Entry[] => {
    const role = member(message, 'role') === 'assistant' ? 'assistant' : 'user'
    const content = member(message, 'content')
    if (typeof content === 'string') return [{ role, text: content }]
    return objects(content).flatMap((block): Entry[] => {
      if (member(block, 'type') === 'text') return [{ role, text: text(member(block, 'text')) }]
      if (member(block, 'type') !== 'tool_result') return []
      return [{ role: 'tool', text: JSON.stringify(member(block, 'content') ?? '') }]
    })
  })
}

function wantsThinking(body: JsonObject): boolean {
  const thinking = member(body, 'thinking')
  return thinking !== undefined && member(thinking, 'type') !== 'disabled'
}

async function answer(exchange: Exchange, script: Script): Promise<void> {
  const { body } = exchange
  const history = historyOf(body)
  const tools = objects(member(body, 'tools')).map((tool) => text(member(tool, 'name')))
  const { failure, steps, ...situation } = script.decide('anthropic', history, tools.length === 0)
  const model = text(member(body, 'model'))
  const stream = member(body, 'stream') === true
  exchange.notes = { ...situation, model, stream, tools }
  if (failure !== undefined) {
    const headers: Record<string, string> = failure === 429 ? { 'retry-after': '1' } : {}
    return exchange.json(failure, errorBody(failure), headers)
  }
  const message = await AnthropicMessage.begin(exchange, { model, stream })
  const voice: Voice = {
    think: async (words) => {
      if (wantsThinking(body)) await message.think(words)
    },
    say: (words) => message.text(words),
    call: (call) => message.toolUse(call),
    overload: () => message.fail(errorBody(529)),
    finish: () => message.finish(),
  }
  await play(steps, exchange, voice, [member(body, 'system'), member(body, 'messages')])
}

export const anthropic: WireApi = {
  name: 'anthropic',
  routes: [
    {
      method: 'POST',
      path: /^\/v1\/messages\/count_tokens$/,
      handle: (exchange) => exchange.json(200, { input_tokens: 100 }),
    },
    { method: 'POST', path: /^\/v1\/messages$/, handle: answer },
  ],
}
