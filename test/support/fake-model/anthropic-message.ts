/**
 * One message of the Anthropic API while it is being written, as server-sent events or gathered for
 * a single JSON answer. Knows the order of events; knows no scenario.
 */

import { randomBytes } from 'node:crypto'
import type { Exchange } from './exchange.ts'
import type { JsonObject } from './json.ts'
import { pieces } from './pieces.ts'
import type { ToolCall } from './tools.ts'

type Block =
  | { readonly type: 'text'; text: string }
  | { readonly type: 'thinking'; thinking: string; signature: string }
  | { readonly type: 'tool_use'; readonly id: string; readonly name: string; input: unknown }

const SIGNATURE = 'ZmFrZS1zaWduYXR1cmU='
const INPUT_TOKENS = 25

const newId = (prefix: string): string => `${prefix}_fake${randomBytes(8).toString('hex')}`

export class AnthropicMessage {
  readonly #exchange: Exchange
  readonly #stream: boolean
  readonly #head: JsonObject
  readonly #content: Block[] = []
  #open = false
  #outputTokens = 0
  #stopReason: 'end_turn' | 'tool_use' = 'end_turn'

  private constructor(exchange: Exchange, model: string, stream: boolean) {
    this.#exchange = exchange
    this.#stream = stream
    this.#head = { id: newId('msg'), type: 'message', role: 'assistant', model }
  }

  static async begin(
    exchange: Exchange,
    { model, stream }: { readonly model: string; readonly stream: boolean },
  ): Promise<AnthropicMessage> {
    const message = new AnthropicMessage(exchange, model, stream)
    if (stream) exchange.openEvents()
    await message.#emit('message_start', { message: message.#whole(null) })
    await message.#emit('ping', {})
    return message
  }

  async text(text: string): Promise<void> {
    const last = await this.#block('text')
    for (const piece of pieces(text)) {
      last.text += piece
      await this.#delta({ type: 'text_delta', text: piece })
    }
  }

  async think(text: string): Promise<void> {
    const last = await this.#block('thinking')
    for (const piece of pieces(text)) {
      last.thinking += piece
      await this.#delta({ type: 'thinking_delta', thinking: piece })
    }
  }

  async toolUse({ name, input }: ToolCall): Promise<void> {
    await this.#start({ type: 'tool_use', id: newId('toolu'), name, input: {} })
    // The real API opens every tool input with an empty piece.
    for (const piece of ['', ...pieces(JSON.stringify(input))]) {
      await this.#delta({ type: 'input_json_delta', partial_json: piece })
    }
    const last = this.#content.at(-1)
    if (last?.type === 'tool_use') last.input = input
    this.#stopReason = 'tool_use'
    await this.#close()
  }

  /** Ends with an error: as an event once the stream is open, else as the answer itself. */
  async fail(body: JsonObject): Promise<void> {
    if (!this.#stream) return this.#exchange.json(529, body)
    await this.#emit('error', body)
    this.#exchange.end()
  }

  async finish(): Promise<void> {
    await this.#close()
    if (!this.#stream) return this.#exchange.json(200, this.#whole(this.#stopReason))
    await this.#emit('message_delta', {
      delta: { stop_reason: this.#stopReason, stop_sequence: null },
      usage: { output_tokens: this.#outputTokens },
    })
    await this.#emit('message_stop', {})
    this.#exchange.end()
  }

  #whole(stopReason: string | null): JsonObject {
    const usage = {
      input_tokens: INPUT_TOKENS,
      cache_creation_input_tokens: 0,
      cache_read_input_tokens: 0,
      output_tokens: this.#outputTokens,
    }
    const content = this.#content
    return { ...this.#head, content, stop_reason: stopReason, stop_sequence: null, usage }
  }

  /** The open block of this type; opens one when the last is of another. */
  async #block<T extends 'text' | 'thinking'>(type: T): Promise<Extract<Block, { type: T }>> {
    const isWanted = (block: Block | undefined): block is Extract<Block, { type: T }> =>
      block?.type === type
    const last = this.#content.at(-1)
    if (this.#open && isWanted(last)) return last
    const fresh: Block =
      type === 'text'
        ? { type: 'text', text: '' }
        : { type: 'thinking', thinking: '', signature: '' }
    await this.#start(fresh)
    if (!isWanted(fresh)) throw new TypeError(`no block of type ${type}`)
    return fresh
  }

  async #start(block: Block): Promise<void> {
    await this.#close()
    this.#content.push(block)
    this.#open = true
    await this.#emit('content_block_start', { index: this.#index, content_block: block })
  }

  async #delta(delta: JsonObject): Promise<void> {
    this.#outputTokens++
    await this.#emit('content_block_delta', { index: this.#index, delta })
  }

  async #close(): Promise<void> {
    if (!this.#open) return
    const last = this.#content.at(-1)
    if (last?.type === 'thinking') {
      last.signature = SIGNATURE
      await this.#delta({ type: 'signature_delta', signature: SIGNATURE })
    }
    this.#open = false
    await this.#emit('content_block_stop', { index: this.#index })
  }

  get #index(): number {
    return this.#content.length - 1
  }

  async #emit(type: string, fields: JsonObject): Promise<void> {
    if (!this.#stream) return
    const data = JSON.stringify({ ...fields, type })
    await this.#exchange.write(`event: ${type}\ndata: ${data}\n\n`)
  }
}
