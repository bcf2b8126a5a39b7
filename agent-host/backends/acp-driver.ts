/**
 * The Agent Client Protocol, version 1 (read from OpenCode 1.18.33 and Gemini CLI 0.61.0), as pure
 * translation. A turn ends with the answer to its `session/prompt`. No line makes it throw.
 */
import type { AcpAgent } from './acp-agents.ts'
import { AcpOpening, type Opened } from './acp-opening.ts'
import { errorOf, reasonOf } from './acp-outcome.ts'
import { AcpPermissions, cancel } from './acp-permissions.ts'
import { AcpTools } from './acp-tools.ts'
import { AcpUpdates } from './acp-updates.ts'
import type { ApprovalAnswer, BackendEvent, Driver, DriverPort, StartOptions } from './backend.ts'
import { Diagnostics } from './diagnostics.ts'
import { asRecord, type JsonRecord, numberAt, stringAt } from './json.ts'
import { JsonRpcPeer, type RpcOutcome, type RpcRequest } from './json-rpc-peer.ts'

export class AcpDriver implements Driver {
  readonly #port: DriverPort
  readonly #peer: JsonRpcPeer
  readonly #diagnostics: Diagnostics
  readonly #opening: AcpOpening
  readonly #tools: AcpTools
  readonly #updates: AcpUpdates
  readonly #permissions: AcpPermissions
  #session: Opened | undefined
  #isRunning = false
  #isInterrupted = false
  #hasEnded = false

  constructor(agent: AcpAgent, start: StartOptions, port: DriverPort) {
    this.#port = port
    const emit = (event: BackendEvent): void => port.emit(event)
    this.#diagnostics = new Diagnostics(emit)
    this.#peer = new JsonRpcPeer(
      {
        writeLine: (line) => port.writeLine(line),
        notification: (method, params) => this.#notification(method, params),
        request: (request) => this.#request(request),
        diagnose: (message) => this.#diagnostics.tell(message),
      },
      { version: true },
    )
    this.#opening = new AcpOpening({
      agent,
      start,
      peer: this.#peer,
      opened: (session) => this.#opened(session),
      // Of an agent that has ended, its last words on stderr say more.
      failed: (message) => {
        if (!this.#hasEnded) port.emit({ type: 'start_failed', message })
      },
    })
    this.#tools = new AcpTools(agent.quirks, emit)
    this.#updates = new AcpUpdates({
      tools: this.#tools,
      isResumed: start.resume,
      diagnostics: this.#diagnostics,
      emit,
    })
    const allowed = start.allowedTools ?? []
    this.#permissions = new AcpPermissions({ tools: this.#tools, port, allowed })
  }

  started(): void {
    this.#opening.begin()
  }

  line(text: string): void {
    this.#peer.line(text)
  }

  prompt(text: string): void {
    this.#isRunning = true
    this.#isInterrupted = false
    this.#updates.turnBegins()
    const prompt = [{ type: 'text', text }]
    const params = { sessionId: this.#session?.sessionId, prompt }
    this.#peer.request('session/prompt', params, (outcome) => this.#promptEnded(outcome))
  }

  /** Once a turn. What the agent asks is answered for it, as the protocol wants after a cancel. */
  interrupt(): void {
    if (!this.#isRunning || this.#isInterrupted) return
    this.#isInterrupted = true
    this.#peer.notify('session/cancel', { sessionId: this.#session?.sessionId })
    this.#permissions.withdrawAll('its turn was interrupted')
  }

  answer(approval: string, answer: ApprovalAnswer): boolean {
    const isTaken = this.#permissions.answer(approval, answer)
    if (isTaken && answer.interrupt === true) this.interrupt()
    return isTaken
  }

  setMode(mode: string, done: (refusal: string | undefined) => void): void {
    if (this.#session === undefined) done('the session is not open yet')
    else this.#session.settings.setMode(mode, done)
  }

  ended(): void {
    this.#hasEnded = true
    this.#peer.close('the agent has ended')
    const wasRunning = this.#isRunning
    this.#closeTurn('the agent has ended')
    if (wasRunning) this.#port.emit({ type: 'turn_end', reason: 'gone' })
  }

  #opened(session: Opened): void {
    this.#session = session
    const { sessionId, model } = session
    this.#port.emit({
      type: 'ready',
      nativeSessionId: sessionId,
      ...(model !== undefined && { model }),
    })
  }

  #promptEnded(outcome: RpcOutcome): void {
    // With the process it ends in `ended`.
    if (!outcome.ok && outcome.failure.kind === 'closed') return
    this.#closeTurn('its turn has ended')
    if (outcome.ok) this.#hasAnswered(asRecord(outcome.result) ?? {})
    else if (this.#isInterrupted) this.#port.emit({ type: 'turn_end', reason: 'interrupted' })
    else {
      this.#port.emit(errorOf(outcome.failure))
      this.#port.emit({ type: 'turn_end', reason: 'error' })
    }
  }

  /** OpenCode 1.18 says `end_turn` when it is cancelled while it tries a failed request again. */
  #hasAnswered(result: JsonRecord): void {
    const usage = this.#updates.usage(result)
    if (usage !== undefined) this.#port.emit(usage)
    const reason = reasonOf(result)
    if (reason === undefined) this.#diagnostics.tell(`stop reason ${String(result['stopReason'])}`)
    const ended = this.#isInterrupted ? 'interrupted' : (reason ?? 'end_turn')
    this.#port.emit({ type: 'turn_end', reason: ended })
  }

  #closeTurn(reason: string): void {
    this.#permissions.withdrawAll(reason)
    this.#tools.close()
    this.#isRunning = false
  }

  /** What comes before the session is open is an earlier conversation played back. */
  #notification(method: string, params: JsonRecord): void {
    if (method === 'session/update') {
      if (!this.#isOurs(params)) return
      const update = asRecord(params['update']) ?? {}
      if (this.#isRunning) this.#updates.update(update)
      else this.#updates.late(update)
    } else if (method === '$/cancel_request') {
      const id = stringAt(params, 'requestId') ?? numberAt(params, 'requestId')
      if (id !== undefined) this.#permissions.withdraw(id, 'the agent has taken it back')
    } else if (!method.startsWith('$/') && !method.startsWith('_')) {
      this.#diagnostics.once(`notification ${method}`)
    }
  }

  /** Files and terminals were said not to be here; some agents ask all the same, and are refused. */
  #request(request: RpcRequest): boolean {
    if (request.method !== 'session/request_permission') return false
    const isWanted = this.#isRunning && !this.#isInterrupted && this.#isOurs(request.params)
    if (isWanted) this.#permissions.ask(request)
    else cancel(request)
    return true
  }

  #isOurs(params: JsonRecord): boolean {
    return this.#session !== undefined && params['sessionId'] === this.#session.sessionId
  }
}
