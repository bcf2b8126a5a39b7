/**
 * The running turn of Codex (0.169.0), from the prompt to its one end: what it says, its tool calls,
 * its questions, its errors. Between turns it takes what comes late and makes nothing of it.
 */
import type { TurnReason } from '../../protocol/messages/chunk.ts'
import type { BackendEvent, DriverPort } from './backend.ts'
import { CodexApprovals } from './codex-approvals.ts'
import { CodexUsage, errorEvent, reasonOf } from './codex-outcome.ts'
import { CodexText } from './codex-text.ts'
import { CodexTools, inputOf, reasoningText } from './codex-tools.ts'
import type { Diagnostics } from './diagnostics.ts'
import { type JsonRecord, recordAt, stringAt } from './json.ts'
import { OpenTools } from './open-tools.ts'
import type { News, TextKind } from './text-ledger.ts'

/** Items that are not told: prompts played back, and what is told as text. */
const QUIET_ITEMS = new Set(['userMessage', 'hookPrompt', 'functionCallOutput', 'plan'])

export class CodexTurn {
  readonly approvals: CodexApprovals
  readonly #port: DriverPort
  readonly #diagnostics: Diagnostics
  readonly #text: CodexText
  readonly #tools: CodexTools
  readonly #openTools: OpenTools
  readonly #usage = new CodexUsage()
  /** Inputs of the changes of files that are under way: the question names only the item. */
  readonly #inputs = new Map<string, unknown>()
  #running = false
  #id: string | undefined
  /** An interrupt is wanted; it is sent once Codex says that the turn runs. */
  #interrupted = false
  /** The error that ends the turn, told by its end. */
  #error: JsonRecord | undefined

  constructor(port: DriverPort, diagnostics: Diagnostics) {
    this.#port = port
    this.#diagnostics = diagnostics
    this.#openTools = new OpenTools((event) => port.emit(event))
    this.#tools = new CodexTools(this.#openTools)
    this.#text = new CodexText((kind, news) => this.#publish(kind, news))
    this.approvals = new CodexApprovals({
      emit: (event) => port.emit(event),
      newId: () => port.newId(),
      input: (itemId) => this.#inputs.get(itemId),
    })
  }

  get id(): string | undefined {
    return this.#id
  }

  begin(): void {
    this.#running = true
    this.#usage.begin()
  }

  /** The turn runs under this id. True when an interrupt waits for it. */
  named(id: string | undefined): boolean {
    if (!this.#running || id === undefined || this.#id !== undefined) return false
    this.#id = id
    return this.#interrupted
  }

  /** Notes the wish. True when it can be sent now: once a turn, and not before Codex says it runs. */
  wantInterrupt(): boolean {
    if (!this.#running || this.#interrupted) return false
    this.#interrupted = true
    return this.#id !== undefined
  }

  /** It can be asked for again. */
  interruptRefused(): void {
    this.#interrupted = false
  }

  delta(kind: TextKind, params: JsonRecord): void {
    const itemId = stringAt(params, 'itemId')
    const piece = stringAt(params, 'delta')
    if (!this.#running || itemId === undefined || piece === undefined) return
    this.#text.delta(itemId, kind, piece)
  }

  reasoningPart(params: JsonRecord): void {
    if (this.#running) this.#text.part(stringAt(params, 'itemId') ?? '')
  }

  itemStarted(item: JsonRecord): void {
    if (!this.#running) return
    if (this.#tools.started(item)) this.#inputs.set(stringAt(item, 'id') ?? '', inputOf(item))
  }

  itemCompleted(item: JsonRecord): void {
    if (!this.#running) return
    const id = stringAt(item, 'id') ?? ''
    const type = stringAt(item, 'type') ?? ''
    this.#inputs.delete(id)
    if (type === 'agentMessage') this.#text.whole(id, 'text', stringAt(item, 'text') ?? '')
    else if (type === 'reasoning') this.#text.whole(id, 'thinking', reasoningText(item))
    else if (!this.#tools.completed(item) && !QUIET_ITEMS.has(type)) {
      this.#diagnostics.once(`item of type ${type}`, stringAt(item, 'message'))
    }
  }

  usage(params: JsonRecord): void {
    this.#usage.update(recordAt(params, 'tokenUsage') ?? {})
    this.#text.answered()
  }

  error(params: JsonRecord): void {
    const error = recordAt(params, 'error') ?? {}
    if (params['willRetry'] === true) {
      this.#text.retry()
      this.#emit(errorEvent(error, true))
    } else if (this.#running) this.#error = error
    else this.#emit(errorEvent(error, false))
  }

  completed(turn: JsonRecord): void {
    const id = stringAt(turn, 'id')
    if (!this.#running || (this.#id !== undefined && id !== undefined && id !== this.#id)) {
      this.#diagnostics.once('a turn ended that was not asked for')
      return
    }
    this.#error = recordAt(turn, 'error') ?? this.#error
    this.end(reasonOf(turn))
  }

  /** Codex did not begin the turn at all. */
  refused(message: string): void {
    if (!this.#running) return
    this.#error = { message }
    this.end('error')
  }

  end(reason: TurnReason): void {
    if (!this.#running) return
    this.#text.clear()
    this.approvals.close('its turn has ended')
    this.#openTools.close()
    this.#inputs.clear()
    if (this.#error !== undefined && reason !== 'interrupted') {
      this.#emit(errorEvent(this.#error, false))
    }
    const usage = this.#usage.taken()
    if (usage !== undefined) this.#emit(usage)
    this.#running = false
    this.#interrupted = false
    this.#id = undefined
    this.#error = undefined
    this.#emit({ type: 'turn_end', reason })
  }

  #publish(kind: TextKind, { content, differs }: News): void {
    if (content !== '') this.#emit({ type: kind, content })
    if (differs && kind === 'text') {
      this.#diagnostics.tell('the text that came later differs from what was published before')
    }
  }

  #emit(event: BackendEvent): void {
    this.#port.emit(event)
  }
}
