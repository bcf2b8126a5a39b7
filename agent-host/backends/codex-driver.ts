/**
 * The app-server protocol of Codex (read from 0.169.0) as pure translation: one thread, its turns and
 * its questions. A turn ends with `turn/completed`. No line, however broken, makes it throw.
 */
import { SOFTWARE } from '../../protocol/version.ts'
import type { ApprovalAnswer, Driver, DriverPort, StartOptions } from './backend.ts'
import { type Permissions, permissionsOf, threadParams, turnSettings } from './codex-options.ts'
import { CodexTurn } from './codex-turn.ts'
import { Diagnostics } from './diagnostics.ts'
import { asRecord, entryOf, type JsonRecord, recordAt, stringAt } from './json.ts'
import { JsonRpcPeer, type RpcOutcome, type RpcRequest } from './json-rpc-peer.ts'

const CLIENT_INFO = {
  name: 'agentmq',
  title: 'agentmq',
  version: SOFTWARE.split(' ').at(-1) ?? '',
}

/** Notifications that carry nothing for a reader, or what another one tells as well. */
const QUIET = new Set([
  'account/rateLimits/updated',
  'account/updated',
  'hook/completed',
  'hook/started',
  'item/commandExecution/outputDelta',
  'item/commandExecution/terminalInteraction',
  'item/fileChange/outputDelta',
  'item/fileChange/patchUpdated',
  'item/mcpToolCall/progress',
  'item/plan/delta',
  'mcpServer/startupStatus/updated',
  'rawResponse/completed',
  'rawResponseItem/completed',
  'remoteControl/status/changed',
  'skills/changed',
  'thread/goal/cleared',
  'thread/goal/updated',
  'thread/name/updated',
  'thread/settings/updated',
  'thread/started',
  'thread/status/changed',
  'turn/diff/updated',
  'turn/plan/updated',
])

/** Notifications that are words for people. */
const NOTES = new Set(['configWarning', 'deprecationNotice', 'guardianWarning', 'warning'])

export class CodexDriver implements Driver {
  readonly #options: StartOptions
  readonly #port: DriverPort
  readonly #rpc: JsonRpcPeer
  readonly #diagnostics: Diagnostics
  readonly #turn: CodexTurn
  readonly #permissions: Permissions
  /** The mode was changed since the thread started. */
  #changed: Permissions | undefined
  #thread = ''

  constructor(options: StartOptions, port: DriverPort) {
    this.#options = options
    this.#port = port
    this.#permissions = permissionsOf(options.permissionMode ?? 'default') ?? {}
    this.#diagnostics = new Diagnostics((event) => port.emit(event))
    this.#turn = new CodexTurn(port, this.#diagnostics)
    this.#rpc = new JsonRpcPeer(
      {
        writeLine: (line) => port.writeLine(line),
        notification: (method, params) => this.#notification(method, params),
        request: (request) => this.#request(request),
        diagnose: (message) => this.#diagnostics.tell(message),
      },
      { version: false },
    )
  }

  started(): void {
    const params = { clientInfo: CLIENT_INFO, capabilities: null }
    this.#rpc.request('initialize', params, (outcome) => {
      if (outcome.ok) this.#startThread()
      else this.#startFailed(outcome.failure.message)
    })
  }

  line(text: string): void {
    this.#rpc.line(text)
  }

  prompt(text: string): void {
    this.#turn.begin()
    const params = {
      threadId: this.#thread,
      input: [{ type: 'text', text, text_elements: [] }],
      ...turnSettings(this.#options, this.#changed),
    }
    this.#rpc.request('turn/start', params, (outcome) => {
      if (outcome.ok || outcome.failure.kind === 'closed') return
      this.#turn.refused(outcome.failure.message)
    })
  }

  interrupt(): void {
    if (this.#turn.wantInterrupt()) this.#sendInterrupt()
  }

  answer(approval: string, answer: ApprovalAnswer): boolean {
    return this.#turn.approvals.answer(approval, answer)
  }

  /** Codex takes its permissions with each turn, so this holds from the next one on. */
  setMode(mode: string, done: (refusal: string | undefined) => void): void {
    const permissions = permissionsOf(mode)
    if (permissions === undefined) done(`${mode} is no permission mode of codex`)
    else if (Object.keys(permissions).length === 0) {
      done('codex cannot go back to what its config says; name a mode')
    } else {
      this.#changed = { ...this.#changed, ...permissions }
      done(undefined)
    }
  }

  ended(): void {
    this.#rpc.close('the process has ended')
    this.#turn.end('gone')
  }

  #startThread(): void {
    this.#rpc.notify('initialized')
    const method = this.#options.resume ? 'thread/resume' : 'thread/start'
    const thread = threadParams(this.#options, this.#permissions)
    this.#rpc.request(method, thread, (outcome) => this.#threadStarted(outcome))
  }

  #threadStarted(outcome: RpcOutcome): void {
    const result = asRecord(outcome.ok ? outcome.result : undefined) ?? {}
    const id = stringAt(recordAt(result, 'thread') ?? {}, 'id')
    const model = stringAt(result, 'model')
    if (!outcome.ok) this.#startFailed(outcome.failure.message)
    else if (id === undefined) this.#startFailed('codex started a thread without an id')
    else {
      this.#thread = id
      this.#port.emit({ type: 'ready', nativeSessionId: id, ...(model !== undefined && { model }) })
    }
  }

  #startFailed(message: string): void {
    this.#port.emit({ type: 'start_failed', message })
  }

  /** Not before: the answer to `turn/start` has the id too, but then no interrupt is taken yet. */
  #turnStarted(params: JsonRecord): void {
    if (this.#turn.named(stringAt(recordAt(params, 'turn') ?? {}, 'id'))) this.#sendInterrupt()
  }

  #sendInterrupt(): void {
    const params = { threadId: this.#thread, turnId: this.#turn.id ?? '' }
    this.#rpc.request('turn/interrupt', params, (outcome) => {
      if (outcome.ok || outcome.failure.kind === 'closed') return
      this.#turn.interruptRefused()
      this.#diagnostics.tell(`the interrupt was refused: ${outcome.failure.message}`)
    })
  }

  /** Others than questions are refused, so that Codex does not wait for what nobody can give. */
  #request(request: RpcRequest): boolean {
    if (this.#turn.approvals.ask(request)) return true
    this.#diagnostics.once(`codex asked for ${request.method}, which cannot be had here`)
    return false
  }

  readonly #notifications: Readonly<Record<string, (params: JsonRecord) => void>> = {
    'turn/started': (params) => this.#turnStarted(params),
    'turn/completed': (params) => this.#turn.completed(recordAt(params, 'turn') ?? {}),
    error: (params) => this.#turn.error(params),
    'item/started': (params) => this.#turn.itemStarted(recordAt(params, 'item') ?? {}),
    'item/completed': (params) => this.#turn.itemCompleted(recordAt(params, 'item') ?? {}),
    'item/agentMessage/delta': (params) => this.#turn.delta('text', params),
    'item/reasoning/summaryTextDelta': (params) => this.#turn.delta('thinking', params),
    'item/reasoning/textDelta': (params) => this.#turn.delta('thinking', params),
    'item/reasoning/summaryPartAdded': (params) => this.#turn.reasoningPart(params),
    'thread/tokenUsage/updated': (params) => this.#turn.usage(params),
    'serverRequest/resolved': (params) => this.#turn.approvals.resolved(params['requestId']),
  }

  #notification(method: string, params: JsonRecord): void {
    const known = entryOf(this.#notifications, method)
    if (known === undefined) this.#note(method, params)
    else if (method === 'serverRequest/resolved' || this.#isOurs(params)) known(params)
  }

  /** Sub-agents are threads of their own; their outcome is the result of the tool that ran them. */
  #isOurs(params: JsonRecord): boolean {
    return (stringAt(params, 'threadId') ?? this.#thread) === this.#thread
  }

  #note(method: string, params: JsonRecord): void {
    const words = stringAt(params, 'message') ?? stringAt(params, 'summary')
    if (NOTES.has(method)) this.#diagnostics.once(`${method}: ${words ?? ''}`)
    else if (!QUIET.has(method)) this.#diagnostics.once(`notification ${method}`, words)
  }
}
