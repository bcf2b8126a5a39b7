/** The Chat Completions API of OpenAI: reads its requests, plays the script's steps as its chunks. */

import type { Exchange } from './exchange.ts'
import { type JsonObject, member, objects, text } from './json.ts'
import { pieces } from './pieces.ts'
import { play, type Voice } from './play.ts'
import type { Entry, Script } from './script.ts'
import type { ToolCall } from './tools.ts'
import type { WireApi } from './wire.ts'

const errorBody = (status: number): JsonObject => ({
  error: { message: `fake ${status}`, type: 'fake_error', code: status },
})

function contentText(content: unknown): string {
  if (typeof content === 'string') return content
  return objects(content)
    .map((part) => text(member(part, 'text')))
    .join('')
}

const ROLES: Readonly<Record<string, Entry['role']>> = { user: 'user', tool: 'tool' }

/** The system prompt is nobody's turn. */
function historyOf(body: JsonObject): Entry[] {
  return objects(member(body, 'messages'))
    .filter((message) => member(message, 'role') !== 'system')
    .map((message) => ({
      role: ROLES[text(member(message, 'role'))] ?? 'assistant',
      text: contentText(member(message, 'content')),
    }))
}

/** One answer while it is written: deltas that carry text, reasoning or calls, then the accounts. */
class Completion {
  readonly #exchange: Exchange
  readonly #head: JsonObject
  #calls = 0
  #outputTokens = 0

  constructor(exchange: Exchange, model: string) {
    this.#exchange = exchange
    this.#head = { id: 'chatcmpl-fake', object: 'chat.completion.chunk', created: 0, model }
  }

  async begin(): Promise<void> {
    this.#exchange.openEvents()
    await this.#delta({ role: 'assistant', content: '' })
  }

  async say(member: 'content' | 'reasoning_content', words: string): Promise<void> {
    for (const piece of pieces(words)) {
      this.#outputTokens++
      await this.#delta({ [member]: piece })
    }
  }

  async call({ name, input }: ToolCall): Promise<void> {
    const index = this.#calls++
    const id = `call_fake${Date.now()}${index}`
    await this.#tool(index, { id, type: 'function', function: { name, arguments: '' } })
    for (const piece of pieces(JSON.stringify(input))) {
      await this.#tool(index, { function: { arguments: piece } })
    }
  }

  async fail(body: JsonObject): Promise<void> {
    await this.#send(body)
    this.#exchange.end()
  }

  async finish(): Promise<void> {
    const reason = this.#calls > 0 ? 'tool_calls' : 'stop'
    await this.#choice({ delta: {}, finish_reason: reason })
    const usage = {
      prompt_tokens: 25,
      completion_tokens: this.#outputTokens,
      total_tokens: 25 + this.#outputTokens,
    }
    await this.#send({ ...this.#head, choices: [], usage })
    await this.#exchange.write('data: [DONE]\n\n')
    this.#exchange.end()
  }

  #tool(index: number, call: JsonObject): Promise<void> {
    return this.#delta({ tool_calls: [{ index, ...call }] })
  }

  #delta(delta: JsonObject): Promise<void> {
    return this.#choice({ delta, finish_reason: null })
  }

  #choice(choice: JsonObject): Promise<void> {
    return this.#send({ ...this.#head, choices: [{ index: 0, ...choice }] })
  }

  #send(value: JsonObject): Promise<void> {
    return this.#exchange.write(`data: ${JSON.stringify(value)}\n\n`)
  }
}

async function answer(exchange: Exchange, script: Script): Promise<void> {
  const { body } = exchange
  const tools = objects(member(body, 'tools')).map((tool) =>
    text(member(member(tool, 'function'), 'name')),
  )
  const model = text(member(body, 'model'))
  const decision = script.decide('openai-chat', historyOf(body), tools.length === 0)
  const { failure, steps, ...situation } = decision
  exchange.notes = { ...situation, model, stream: member(body, 'stream') === true, tools }
  if (failure !== undefined) return exchange.json(failure, errorBody(failure))
  const completion = new Completion(exchange, model)
  await completion.begin()
  const voice: Voice = {
    think: (words) => completion.say('reasoning_content', words),
    say: (words) => completion.say('content', words),
    call: (call) => completion.call(call),
    overload: () => completion.fail(errorBody(529)),
    finish: () => completion.finish(),
  }
  await play(steps, exchange, voice, member(body, 'messages'))
}

export const openaiChat: WireApi = {
  name: 'openai-chat',
  routes: [{ method: 'POST', path: /^\/v1\/chat\/completions$/, handle: answer }],
}
