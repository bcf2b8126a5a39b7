/**
 * The stream-json protocol of Claude Code (read from 2.1.330) as pure translation: lines of stdout
 * become events, wishes become lines of stdin. A turn ends with its `result` line, never with the end
 * of a message. No line, however broken, makes it throw.
 */
import type { ApprovalAnswer, BackendEvent, Driver, DriverPort, StartOptions } from './backend.ts'
import { Diagnostics } from './diagnostics.ts'
import { type JsonRecord, numberAt, parseRecord, recordAt, stringAt } from './json.ts'
import { ModeRequests } from './mode-requests.ts'
import { StreamJsonApprovals } from './stream-json-approvals.ts'
import { StreamJsonContent } from './stream-json-content.ts'
import {
  initializeLine,
  interruptLine,
  promptLine,
  refusalLine,
  setModeLine,
} from './stream-json-input.ts'
import { outcomeOf, retryEvent, usageOf } from './stream-json-result.ts'

/** `system` messages that carry nothing for a reader. */
const QUIET = new Set(['status', 'thinking_tokens', 'ui_invalidate'])

export class StreamJsonDriver implements Driver {
  readonly #options: StartOptions
  readonly #port: DriverPort
  readonly #approvals: StreamJsonApprovals
  readonly #content: StreamJsonContent
  readonly #diagnostics: Diagnostics
  readonly #modes = new ModeRequests()
  /** What the last `ready` said. */
  #ready: { readonly session: string; readonly model: string | undefined } | undefined
  #initializeId: string | undefined
  #running = false
  #interrupted = false
  #costUsd = 0

  readonly #messages: Readonly<Record<string, (message: JsonRecord) => void>> = {
    system: (message) => this.#system(message),
    stream_event: (message) => this.#content.streamEvent(message),
    assistant: (message) => this.#content.assistant(message),
    // Older CLIs did not wrap them.
    content_block_delta: (event) => this.#content.streamEvent({ event }),
    message_stop: (event) => this.#content.streamEvent({ event }),
    user: (message) => this.#content.user(message),
    result: (message) => this.#result(message),
    control_request: (message) => this.#controlRequest(message),
    control_response: (message) => this.#controlResponse(message),
    control_cancel_request: (message) => {
      this.#approvals.cancel(stringAt(message, 'request_id') ?? '')
    },
    keep_alive: () => {},
  }

  constructor(options: StartOptions, port: DriverPort) {
    this.#options = options
    this.#port = port
    this.#approvals = new StreamJsonApprovals(port)
    this.#diagnostics = new Diagnostics((event) => port.emit(event))
    this.#content = new StreamJsonContent({
      emit: (event) => port.emit(event),
      diagnose: (message) => this.#diagnostics.tell(message),
    })
  }

  /** The CLI says nothing before it is asked something, so readiness is measured by asking. */
  started(): void {
    this.#initializeId = this.#port.newId()
    this.#port.writeLine(initializeLine(this.#initializeId, this.#options.systemPrompt))
  }

  prompt(text: string): void {
    this.#running = true
    this.#port.writeLine(promptLine(text))
  }

  /** One request a turn: a second one might find the next turn. Nothing when no turn runs. */
  interrupt(): void {
    if (!this.#running || this.#interrupted) return
    this.#interrupted = true
    this.#port.writeLine(interruptLine(this.#port.newId()))
  }

  answer(approval: string, answer: ApprovalAnswer): boolean {
    return this.#approvals.answer(approval, answer)
  }

  setMode(mode: string, done: (refusal: string | undefined) => void): void {
    const id = this.#port.newId()
    if (this.#modes.add(id, done)) this.#port.writeLine(setModeLine(id, mode))
  }

  ended(): void {
    this.#modes.close()
    const wasRunning = this.#running
    this.#closeTurn()
    if (wasRunning) this.#emit({ type: 'turn_end', reason: 'gone' })
  }

  line(text: string): void {
    if (text.trim() === '') return
    const message = parseRecord(text)
    if (message === undefined) {
      this.#diagnostics.tell(`not a message: ${text}`)
      return
    }
    const type = stringAt(message, 'type') ?? ''
    const known = Object.hasOwn(this.#messages, type) ? this.#messages[type] : undefined
    if (known === undefined) this.#unknown(`message of type ${type}`, message)
    else known(message)
  }

  #system(message: JsonRecord): void {
    const subtype = stringAt(message, 'subtype') ?? ''
    if (subtype === 'init') this.#init(message)
    else if (subtype === 'api_retry') this.#emit(retryEvent(message))
    else if (!QUIET.has(subtype)) this.#unknown(`system message ${subtype}`, message)
  }

  /** Comes once a turn. Tells more than the answer to `initialize`, so `ready` may come again. */
  #init(message: JsonRecord): void {
    const session = stringAt(message, 'session_id') ?? this.#options.nativeSessionId
    this.#becomeReady(session, stringAt(message, 'model'))
  }

  #becomeReady(session: string, model: string | undefined): void {
    if (this.#ready?.session === session && this.#ready.model === model) return
    this.#ready = { session, model }
    this.#emit({ type: 'ready', nativeSessionId: session, ...(model !== undefined && { model }) })
  }

  #result(message: JsonRecord): void {
    const wasRunning = this.#running
    const facts = { interrupted: this.#interrupted, failure: this.#content.failure }
    const { reason, error } = outcomeOf(message, facts)
    const answer = stringAt(message, 'result') ?? ''
    // Commands that the CLI answers by itself tell their output here and nowhere else.
    if (reason === 'end_turn' && !this.#content.published) {
      this.#content.publish('text', { content: answer, differs: false })
    }
    this.#closeTurn()
    if (error !== undefined) this.#emit(error)
    const usage = usageOf(message, this.#costUsd)
    this.#costUsd = numberAt(message, 'total_cost_usd') ?? this.#costUsd
    if (usage !== undefined && (wasRunning || usage.inputTokens > 0)) this.#emit(usage)
    if (wasRunning) this.#emit({ type: 'turn_end', reason })
    else if (error === undefined) this.#diagnostics.tell('a turn ended that was not asked for')
  }

  #closeTurn(): void {
    this.#approvals.close()
    this.#content.close()
    this.#running = false
    this.#interrupted = false
  }

  #controlRequest(message: JsonRecord): void {
    const id = stringAt(message, 'request_id')
    const request = recordAt(message, 'request') ?? {}
    const subtype = stringAt(request, 'subtype') ?? ''
    if (id === undefined) return
    if (subtype === 'can_use_tool') this.#approvals.ask(id, request)
    else {
      this.#port.writeLine(refusalLine(id, subtype))
      this.#unknown(`control request ${subtype}`, message)
    }
  }

  #controlResponse(message: JsonRecord): void {
    const response = recordAt(message, 'response') ?? {}
    const error = stringAt(response, 'error')
    if (this.#modes.settle(stringAt(response, 'request_id') ?? '', error)) return
    if (error !== undefined) this.#diagnostics.tell(`a control request was refused: ${error}`)
    const id = stringAt(response, 'request_id')
    if (id === undefined || id !== this.#initializeId || this.#ready !== undefined) return
    if (error !== undefined && this.#options.systemPrompt !== undefined) {
      this.#emit({ type: 'start_failed', message: `it takes no system prompt: ${error}` })
      return
    }
    // A CLI that does not know `initialize` refuses it, and is just as ready.
    this.#becomeReady(this.#options.nativeSessionId, undefined)
  }

  #unknown(what: string, message: JsonRecord): void {
    this.#diagnostics.once(what, stringAt(message, 'message'))
  }

  #emit(event: BackendEvent): void {
    this.#port.emit(event)
  }
}
