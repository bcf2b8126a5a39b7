/**
 * How a conversation with an ACP agent begins: initialize, a login where the agent wants one, a new
 * session or an earlier one, and the settings that were asked for. Ends in `opened` or `failed`.
 */
import { SOFTWARE } from '../../protocol/version.ts'
import type { AcpAgent } from './acp-agents.ts'
import { AUTH_REQUIRED } from './acp-outcome.ts'
import { AcpSettings } from './acp-settings.ts'
import type { StartOptions } from './backend.ts'
import { asRecord, type JsonRecord, numberAt, recordAt, stringAt } from './json.ts'
import type { JsonRpcPeer, RpcFailure } from './json-rpc-peer.ts'

/** The version of the protocol that is spoken here. */
const PROTOCOL_VERSION = 1

/** No files and no terminals of ours: the agent works where it runs. */
const CLIENT = {
  protocolVersion: PROTOCOL_VERSION,
  clientCapabilities: { fs: { readTextFile: false, writeTextFile: false }, terminal: false },
  clientInfo: { name: 'agentmq', version: SOFTWARE.split(' ').at(-1) ?? '' },
}

export interface Opened {
  readonly sessionId: string
  readonly model: string | undefined
  readonly settings: AcpSettings
}

export interface OpeningOptions {
  readonly agent: AcpAgent
  readonly start: StartOptions
  readonly peer: JsonRpcPeer
  opened(how: Opened): void
  failed(reason: string): void
}

export class AcpOpening {
  readonly #options: OpeningOptions
  #capabilities: JsonRecord = {}
  #hasLoggedIn = false

  constructor(options: OpeningOptions) {
    this.#options = options
  }

  begin(): void {
    this.#ask('initialize', CLIENT, (result) => {
      const version = numberAt(result, 'protocolVersion')
      this.#capabilities = recordAt(result, 'agentCapabilities') ?? {}
      if (version === PROTOCOL_VERSION) this.#open()
      else this.#fail(`it speaks version ${version ?? 'unknown'} of the protocol, not 1`)
    })
  }

  #open(): void {
    const { start } = this.#options
    const place = { cwd: start.cwd, mcpServers: [] }
    const method = start.resume ? this.#resumeMethod() : 'session/new'
    if (method === undefined) {
      this.#fail('it cannot go on with an earlier conversation')
      return
    }
    const params = start.resume ? { sessionId: start.nativeSessionId, ...place } : place
    this.#options.peer.request(method, params, (outcome) => {
      if (outcome.ok) this.#hasOpened(asRecord(outcome.result) ?? {})
      else if (this.#needsLogin(outcome.failure)) this.#logIn()
      else this.#refused(method, outcome.failure)
    })
  }

  /** Resuming is preferred to loading, which plays the whole conversation back. */
  #resumeMethod(): string | undefined {
    if (this.#options.agent.quirks.cannotResume === true) return undefined
    const sessions = recordAt(this.#capabilities, 'sessionCapabilities') ?? {}
    if (asRecord(sessions['resume']) !== undefined) return 'session/resume'
    return this.#capabilities['loadSession'] === true ? 'session/load' : undefined
  }

  #needsLogin({ code }: RpcFailure): boolean {
    return code === AUTH_REQUIRED && this.#options.agent.auth !== undefined && !this.#hasLoggedIn
  }

  /** Only when it is wanted: some agents keep the method as their user's choice. */
  #logIn(): void {
    this.#hasLoggedIn = true
    this.#ask('authenticate', { methodId: this.#options.agent.auth }, () => this.#open())
  }

  #hasOpened(result: JsonRecord): void {
    const { start, peer } = this.#options
    const sessionId = start.resume ? start.nativeSessionId : stringAt(result, 'sessionId')
    if (sessionId === undefined) {
      this.#fail('it gave the session no id')
      return
    }
    const settings = new AcpSettings(peer, sessionId, result)
    settings.apply(start, (problem) => {
      const model = start.model ?? settings.model
      if (problem === undefined) this.#options.opened({ sessionId, model, settings })
      else this.#fail(problem)
    })
  }

  #ask(method: string, params: JsonRecord, then: (result: JsonRecord) => void): void {
    this.#options.peer.request(method, params, (outcome) => {
      if (outcome.ok) then(asRecord(outcome.result) ?? {})
      else this.#refused(method, outcome.failure)
    })
  }

  #refused(method: string, { message, data }: RpcFailure): void {
    const details = stringAt(asRecord(data) ?? {}, 'details')
    const more = details === undefined ? '' : ` (${details})`
    this.#fail(`${method}: ${message}${more}`)
  }

  #fail(reason: string): void {
    this.#options.failed(reason)
  }
}
