/**
 * What the model and its tools say in a turn of Claude Code (2.1.330): deltas, whole blocks and tool
 * results, each published once. Sub-agents are left out: theirs is a conversation of its own, and its
 * outcome is the result of the tool that ran it.
 */
import type { BackendEvent } from './backend.ts'
import { type JsonRecord, numberAt, recordAt, recordsAt, stringAt, toolInput } from './json.ts'
import { OpenTools } from './open-tools.ts'
import { toolResultText } from './stream-json-result.ts'
import { type News, type TextKind, TextLedger } from './text-ledger.ts'

export interface ContentPort {
  emit(event: BackendEvent): void
  diagnose(message: string): void
}

export class StreamJsonContent {
  readonly #port: ContentPort
  readonly #tools: OpenTools
  readonly #ledger = new TextLedger()
  #published = false
  #failure: string | undefined

  constructor(port: ContentPort) {
    this.#port = port
    this.#tools = new OpenTools((event) => port.emit(event))
  }

  /** Whether any text of this turn was published. */
  get published(): boolean {
    return this.#published
  }

  /** What the CLI itself said to have failed in this turn, such as `authentication_failed`. */
  get failure(): string | undefined {
    return this.#failure
  }

  /** Ends the turn: open tool calls get a result that says so. */
  close(): void {
    this.#tools.close()
    this.#ledger.clear()
    this.#published = false
    this.#failure = undefined
  }

  streamEvent(message: JsonRecord): void {
    if (isSubAgent(message)) return
    const event = recordAt(message, 'event') ?? {}
    const type = stringAt(event, 'type')
    if (type === 'message_start') {
      this.#ledger.streamStart(stringAt(recordAt(event, 'message') ?? {}, 'id') ?? '')
    } else if (type === 'content_block_start') {
      this.#toolStart(recordAt(event, 'content_block') ?? {})
    } else if (type === 'content_block_delta') {
      this.#delta(numberAt(event, 'index') ?? 0, recordAt(event, 'delta') ?? {})
    } else if (type === 'message_stop') {
      this.#streamEnd(recordAt(message, 'abandoned_blocks'))
    }
  }

  assistant(message: JsonRecord): void {
    if (isSubAgent(message)) return
    const body = recordAt(message, 'message') ?? {}
    if (stringAt(body, 'model') === '<synthetic>' || message['is_api_error_message'] === true) {
      // The CLI speaks here, not the model; its words come again in the result.
      this.#failure = stringAt(message, 'error')
      return
    }
    const id = stringAt(body, 'id') ?? ''
    for (const block of recordsAt(body, 'content')) this.#block(id, block)
  }

  /** Of user messages only tool results matter; the rest are prompts played back and notes. */
  user(message: JsonRecord): void {
    if (isSubAgent(message)) return
    for (const block of recordsAt(recordAt(message, 'message') ?? {}, 'content')) {
      if (stringAt(block, 'type') !== 'tool_result') continue
      const id = stringAt(block, 'tool_use_id') ?? ''
      const text = toolResultText(block['content'])
      const isError = block['is_error'] === true
      const isTold = this.#tools.settle(id, text, isError) || this.#tools.stray(id, text, isError)
      if (!isTold) {
        this.#port.diagnose(`a second result for ${id}`)
      }
    }
  }

  publish(kind: TextKind, news: News): void {
    if (news.content !== '') {
      this.#published ||= kind === 'text'
      this.#port.emit({ type: kind, content: news.content })
    }
    if (news.differs && kind === 'text') this.#diagnoseRetry()
  }

  #delta(index: number, delta: JsonRecord): void {
    for (const kind of ['thinking', 'text'] as const) {
      const piece = stringAt(delta, kind)
      if (piece === undefined) continue
      this.publish(kind, this.#ledger.delta(index, kind, piece))
      return
    }
  }

  #streamEnd(abandoned: JsonRecord | undefined): void {
    if (abandoned !== undefined) {
      this.#ledger.abandon(numberAt(abandoned, 'from_block_index') ?? 0)
    } else if (this.#ledger.streamEnd().differs) {
      this.#diagnoseRetry()
    }
  }

  #block(messageId: string, block: JsonRecord): void {
    const type = stringAt(block, 'type')
    if (type === 'text' || type === 'thinking') {
      const content = stringAt(block, type) ?? ''
      this.publish(type, this.#ledger.whole(messageId, type, content))
    } else if (type === 'tool_use') {
      this.#toolStart(block)
      const { input } = block
      if (input !== undefined) this.#tools.input(stringAt(block, 'id') ?? '', toolInput(input))
    }
  }

  #toolStart(block: JsonRecord): void {
    if (stringAt(block, 'type') !== 'tool_use') return
    this.#tools.start(stringAt(block, 'id') ?? '', stringAt(block, 'name') ?? 'unknown')
  }

  #diagnoseRetry(): void {
    this.#port.diagnose('the text that came after a retry differs from what was published before')
  }
}

function isSubAgent(message: JsonRecord): boolean {
  return typeof message['parent_tool_use_id'] === 'string'
}
