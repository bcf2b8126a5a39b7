/**
 * One turn of the demo agent, in the words of Claude Code's stream-json protocol (as recorded from
 * 2.1.330): a message of blocks, each sent as deltas and then whole, and a result at the end.
 */
import type { History } from './history.ts'
import type { Output } from './output.ts'
import { Pacer } from './pacer.ts'
import type { Permissions, ToolCall } from './permissions.ts'
import type { Recorder } from './recorder.ts'

/** What stays the same over the turns of one process. */
export interface Conversation {
  readonly sessionId: string
  readonly model: string
  readonly mode: string
  readonly permissions: Permissions
  readonly output: Output
  readonly history: History
  readonly record: Recorder
}

export interface Failure {
  /** HTTP status that the API would have given; null when it gave no answer. */
  readonly status: number | null
  readonly message: string
}

/** `result` repeats the answer up to this many characters, so that the end of a turn stays readable. */
const RESULT_CHARACTERS = 1024 * 1024

let ids = 0

export class Turn {
  readonly prompt: string
  readonly #interruption: AbortController
  readonly conversation: Conversation
  readonly #startedMs = performance.now()
  #message: { readonly id: string; blocks: number } | undefined
  /** The block that is being streamed, for when it is cut off. */
  #partial: { readonly kind: 'text' | 'thinking'; text: string } | undefined
  #answer = ''
  #words = 0
  #failure: Failure | undefined

  constructor(prompt: string, conversation: Conversation, interruption: AbortController) {
    this.prompt = prompt
    this.conversation = conversation
    this.#interruption = interruption
  }

  get signal(): AbortSignal {
    return this.#interruption.signal
  }

  async begin(): Promise<void> {
    const { sessionId, model, mode } = this.conversation
    await this.#send({
      type: 'system',
      subtype: 'init',
      cwd: process.cwd(),
      session_id: sessionId,
      tools: ['ListFiles', 'CreateFile'],
      mcp_servers: [],
      model,
      permissionMode: mode,
      slash_commands: [],
      apiKeySource: 'none',
    })
    await this.#send({ type: 'system', subtype: 'status', status: 'requesting' })
  }

  /** Streams one block of text or thinking, `delayMs` milliseconds between its pieces. */
  async say(kind: 'text' | 'thinking', pieces: Iterable<string>, delayMs: number): Promise<void> {
    const message = await this.#open()
    const index = message.blocks++
    await this.#event({
      type: 'content_block_start',
      index,
      content_block: { type: kind, [kind]: '' },
    })
    const block = { kind, text: '' }
    this.#partial = block
    const pacer = new Pacer(delayMs, this.signal)
    for (const piece of pieces) {
      await pacer.next()
      block.text += piece
      this.#words++
      if (kind === 'text') this.conversation.record.piece(piece)
      const delta = { type: `${kind}_delta`, [kind]: piece }
      await this.#event({ type: 'content_block_delta', index, delta })
    }
    await this.#closePartial()
    await this.#event({ type: 'content_block_stop', index })
  }

  /** What comes next is said in a message of its own. */
  async nextMessage(): Promise<void> {
    await this.#close('pause_turn')
  }

  /** Calls a tool: its use is told, `run` really runs, its result is told. */
  async tool(
    name: string,
    input: object,
    run: (id: string) => Promise<string>,
  ): Promise<{ readonly content: string; readonly is_error: boolean }> {
    const message = await this.#open()
    const index = message.blocks++
    const id = nextId('tool')
    const use = { type: 'tool_use', id, name, input: {} }
    await this.#event({ type: 'content_block_start', index, content_block: use })
    await this.#assistant({ ...use, input })
    await this.#event({ type: 'content_block_stop', index })
    await this.#close('tool_use')
    const { content, is_error } = await run(id).then(
      (result) => ({ content: result, is_error: false }),
      (error: unknown) => ({ content: String(error), is_error: true }),
    )
    await this.#user([{ type: 'tool_result', tool_use_id: id, content, is_error }])
    return { content, is_error }
  }

  /** Waits until this tool may run. Rejects with the reason when it may not. */
  async permission(call: ToolCall): Promise<void> {
    const { permissions } = this.conversation
    await permissions.ask(call, this.signal, () => this.#interruption.abort())
  }

  /** Ends as the real CLI does when its API fails: told as text of its own, not of the model. */
  async fail(failure: Failure): Promise<void> {
    this.#failure = failure
    const content = [{ type: 'text', text: failure.message }]
    await this.#send({
      type: 'assistant',
      message: { id: nextId('msg'), role: 'assistant', model: '<synthetic>', content },
      parent_tool_use_id: null,
      is_api_error_message: true,
    })
  }

  /** Any line that is not part of a block. */
  async send(message: object): Promise<void> {
    await this.#send(message)
  }

  /** Ends the turn. False when it failed. */
  async end(): Promise<boolean> {
    await this.#close('end_turn')
    const failed = this.#failure !== undefined
    await this.#result({
      subtype: 'success',
      is_error: failed,
      stop_reason: failed ? 'stop_sequence' : 'end_turn',
      terminal_reason: failed ? 'api_error' : 'completed',
      api_error_status: this.#failure?.status ?? null,
      result: (this.#failure?.message ?? this.#answer).slice(0, RESULT_CHARACTERS),
    })
    return !failed
  }

  /** Ends the turn after it was cut off: what was streamed of a block, a note, the result. */
  async interrupted(): Promise<void> {
    await this.#closePartial()
    await this.#user([{ type: 'text', text: '[Request interrupted by user]' }])
    await this.#result({
      subtype: 'error_during_execution',
      is_error: true,
      stop_reason: null,
      terminal_reason: 'aborted_streaming',
      errors: ['interrupted'],
    })
  }

  async #open(): Promise<{ readonly id: string; blocks: number }> {
    if (this.#message !== undefined) return this.#message
    const message = { id: nextId('msg'), blocks: 0 }
    this.#message = message
    const { model } = this.conversation
    const started = { id: message.id, type: 'message', role: 'assistant', model, content: [] }
    await this.#event({ type: 'message_start', message: started })
    return message
  }

  async #close(stopReason: string): Promise<void> {
    if (this.#message === undefined) return
    await this.#event({ type: 'message_delta', delta: { stop_reason: stopReason } })
    await this.#event({ type: 'message_stop' })
    this.#message = undefined
  }

  async #closePartial(): Promise<void> {
    const block = this.#partial
    this.#partial = undefined
    if (block === undefined) return
    if (block.kind === 'text') this.#answer += block.text
    await this.#assistant({ type: block.kind, [block.kind]: block.text })
  }

  async #assistant(block: object): Promise<void> {
    const { model } = this.conversation
    const message = { id: this.#message?.id, type: 'message', role: 'assistant', model }
    const line = { type: 'assistant', message: { ...message, content: [block] } }
    await this.#send({ ...line, parent_tool_use_id: null })
  }

  async #user(content: readonly object[]): Promise<void> {
    await this.#send({ type: 'user', message: { role: 'user', content }, parent_tool_use_id: null })
  }

  async #event(event: object): Promise<void> {
    await this.#send({ type: 'stream_event', event, parent_tool_use_id: null })
  }

  async #result(outcome: object): Promise<void> {
    const duration_ms = Math.round(performance.now() - this.#startedMs)
    // A script has no tokens; its words are what can be counted truthfully.
    const input_tokens = this.prompt.split(/\s+/).filter(Boolean).length
    const usage = { input_tokens, output_tokens: this.#words }
    const more = { duration_ms, num_turns: 1, total_cost_usd: 0, usage, permission_denials: [] }
    await this.#send({ type: 'result', ...outcome, ...more })
  }

  async #send(message: object): Promise<void> {
    const { output, sessionId } = this.conversation
    await output.send({ ...message, session_id: sessionId })
  }
}

function nextId(kind: string): string {
  return `${kind}_demo_${process.pid}_${++ids}`
}
