/**
 * One answer of the OpenAI Responses API while it is being written, as server-sent events. Knows the
 * order of events; knows no scenario.
 */

import { randomBytes } from 'node:crypto'
import type { Exchange } from './exchange.ts'
import type { JsonObject } from './json.ts'
import { pieces } from './pieces.ts'
import type { ToolCall } from './tools.ts'

type Part = 'output_text' | 'summary_text'

const USAGE = {
  input_tokens: 25,
  input_tokens_details: { cached_tokens: 0 },
  output_tokens: 10,
  output_tokens_details: { reasoning_tokens: 0 },
  total_tokens: 35,
}

const newId = (prefix: string): string => `${prefix}_fake${randomBytes(8).toString('hex')}`

export class ResponsesMessage {
  readonly #exchange: Exchange
  readonly #head: JsonObject
  readonly #output: JsonObject[] = []
  /** The item that is being written; pieces of text one after the other are one item. */
  #open: { readonly part: Part; readonly id: string; text: string } | undefined
  #sequence = 0

  private constructor(exchange: Exchange, model: string) {
    this.#exchange = exchange
    this.#head = { id: newId('resp'), object: 'response', model }
  }

  static async begin(exchange: Exchange, model: string): Promise<ResponsesMessage> {
    const message = new ResponsesMessage(exchange, model)
    exchange.openEvents()
    const response = { ...message.#head, status: 'in_progress', output: [] }
    await message.#emit('response.created', { response })
    await message.#emit('response.in_progress', { response })
    return message
  }

  async text(text: string): Promise<void> {
    await this.#write('output_text', text)
  }

  async think(text: string): Promise<void> {
    await this.#write('summary_text', text)
  }

  async toolUse({ name, input }: ToolCall): Promise<void> {
    await this.#close()
    const item = { type: 'function_call', id: newId('fc'), call_id: newId('call'), name }
    const whole = JSON.stringify(input)
    await this.#added({ ...item, arguments: '', status: 'in_progress' })
    for (const delta of pieces(whole)) {
      await this.#of('response.function_call_arguments.delta', item.id, { delta })
    }
    await this.#of('response.function_call_arguments.done', item.id, { arguments: whole })
    await this.#done({ ...item, arguments: whole, status: 'completed' })
  }

  /** Ends with an error in the middle of the stream. */
  async fail(code: string, message: string): Promise<void> {
    const error = { code, message }
    await this.#emit('response.failed', { response: { ...this.#head, status: 'failed', error } })
    this.#exchange.end()
  }

  async finish(): Promise<void> {
    await this.#close()
    const response = { ...this.#head, status: 'completed', output: this.#output, usage: USAGE }
    await this.#emit('response.completed', { response })
    this.#exchange.end()
  }

  async #write(part: Part, text: string): Promise<void> {
    if (this.#open?.part !== part) await this.#openItem(part)
    const { id } = this.#open ?? { id: '' }
    for (const delta of pieces(text)) {
      if (this.#open) this.#open.text += delta
      await this.#of(`response.${eventOf(part)}.delta`, id, { ...placeOf(part), delta })
    }
  }

  async #openItem(part: Part): Promise<void> {
    await this.#close()
    const id = newId(part === 'output_text' ? 'msg' : 'rs')
    this.#open = { part, id, text: '' }
    await this.#added(itemOf(part, id, undefined))
    const place = { ...placeOf(part), part: { type: part, text: '' } }
    await this.#of(`response.${frameOf(part)}.added`, id, place)
  }

  async #close(): Promise<void> {
    if (this.#open === undefined) return
    const { part, id, text } = this.#open
    this.#open = undefined
    await this.#of(`response.${eventOf(part)}.done`, id, { ...placeOf(part), text })
    const place = { ...placeOf(part), part: { type: part, text } }
    await this.#of(`response.${frameOf(part)}.done`, id, place)
    await this.#done(itemOf(part, id, text))
  }

  #added(item: JsonObject): Promise<void> {
    return this.#emit('response.output_item.added', { output_index: this.#output.length, item })
  }

  async #done(item: JsonObject): Promise<void> {
    const output_index = this.#output.length
    this.#output.push(item)
    await this.#emit('response.output_item.done', { output_index, item })
  }

  #of(type: string, id: string, fields: JsonObject): Promise<void> {
    return this.#emit(type, { item_id: id, output_index: this.#output.length, ...fields })
  }

  async #emit(type: string, fields: JsonObject): Promise<void> {
    const data = JSON.stringify({ type, sequence_number: this.#sequence++, ...fields })
    await this.#exchange.write(`event: ${type}\ndata: ${data}\n\n`)
  }
}

function itemOf(part: Part, id: string, text: string | undefined): JsonObject {
  const content = text === undefined ? [] : [{ type: part, text }]
  return part === 'output_text'
    ? { type: 'message', id, role: 'assistant', content, status: text && 'completed' }
    : { type: 'reasoning', id, summary: content }
}

const eventOf = (part: Part): string =>
  part === 'output_text' ? 'output_text' : 'reasoning_summary_text'
const frameOf = (part: Part): string =>
  part === 'output_text' ? 'content_part' : 'reasoning_summary_part'
const placeOf = (part: Part): JsonObject =>
  part === 'output_text' ? { content_index: 0 } : { summary_index: 0 }
