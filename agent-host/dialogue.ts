/**
 * What a host and its broker say to each other: registration, requests and their answers, chunks and
 * their acknowledgement. Owns the connection and the sessions. Pure but for its ports, so that a host
 * process and a simulated network drive the same code.
 */
import type { Message } from '../protocol/bundle.ts'
import { decodeBody, encode } from '../protocol/codec.ts'
import { ProtocolError } from '../protocol/errors.ts'
import { RequestIds } from '../protocol/ids.ts'
import type { Credentials } from '../protocol/keys/peer-keys.ts'
import type { HealthEvidence } from '../protocol/link/health.ts'
import { type OpenDealer, PeerConnection } from '../protocol/link/peer-connection.ts'
import type { LinkEvent } from '../protocol/link/peer-link.ts'
import { ErrorBody } from '../protocol/messages/calls.ts'
import type { HeadFor } from '../protocol/messages/index.ts'
import {
  type HostMethod,
  isMethod,
  METHODS,
  type Params,
  type Result,
} from '../protocol/methods/index.ts'
import { SOFTWARE } from '../protocol/version.ts'
import type { BufferLimits } from './held-bytes.ts'
import { LiveSessions } from './live-sessions.ts'
import { Outflow } from './outflow.ts'
import type { Timers } from './process/timers.ts'

/** A registration that failed for a while is tried again after this, ms. */
const REGISTER_AGAIN_MS = 1000

/** Requests of the broker that may be under way; it has no more than this at one host. */
const MAX_ANSWERING = 4096

export type DialogueNotice =
  | { readonly type: 'registered' }
  | {
      readonly type: 'away'
      readonly reason: string
      /** What somebody has to do about it, where that is known. */
      readonly problem?: ProtocolError | undefined
    }
  | { readonly type: 'refused'; readonly error: ProtocolError }

type Log = (fields: Readonly<Record<string, unknown>>, event: string) => void

export interface DialogueOptions {
  readonly endpoint: string
  readonly dealer: OpenDealer
  /** Who it is over a network; absent: a user of this machine. */
  readonly credentials?: Credentials | undefined
  /** The broker will answer under this public key later. */
  readonly learnKey?: (key: string) => void
  /** Why whoever answers is not to be believed. */
  readonly distrust?: (() => ProtocolError | undefined) | undefined
  readonly timers: Timers
  /** Gives [0, 1). */
  readonly random: () => number
  /** What a registration says beside the sessions. */
  readonly registration: () => Omit<Params<'host.register'>, 'sessions'>
  readonly health: () => Omit<HealthEvidence, 'in_flight'>
  /** Carries out a request of the broker. */
  readonly run: <M extends HostMethod>(
    method: M,
    params: Params<M>,
    signal: AbortSignal,
  ) => Promise<Result<M>>
  readonly notice: (notice: DialogueNotice) => void
  /** How much chunks may take while the broker does not take them. */
  readonly buffers: BufferLimits
  readonly log: Readonly<Record<'debug' | 'info' | 'warn' | 'error', Log>>
}

export class Dialogue {
  readonly #options: DialogueOptions
  readonly #connection: PeerConnection
  readonly #outflow = new Outflow((head, body) => this.#connection.send(head, body))
  readonly sessions: LiveSessions
  readonly #ids = new RequestIds()
  /** Requests of the broker under way, by id. A new one with each connection: a broker counts anew. */
  #answering = new Map<string, AbortController>()
  #registration = ''
  #isRegistered = false
  #credit = 0
  #isPumping = false
  /** Of the reason that was told last, while nobody answers. */
  #toldAway: string | undefined

  /** Throws BAD_CONFIG for an endpoint that cannot be one. */
  constructor(options: DialogueOptions) {
    this.#options = options
    this.sessions = new LiveSessions({
      outflow: this.#outflow,
      buffers: options.buffers,
      onReadAgain: (notice) => options.log.debug({ ...notice }, 'agent read again'),
    })
    this.#connection = new PeerConnection({
      endpoint: options.endpoint,
      role: 'host',
      principal: options.credentials ? '' : 'local',
      credentials: options.credentials,
      distrust: options.distrust,
      software: SOFTWARE,
      dealer: options.dealer,
      now: () => options.timers.now(),
      random: options.random,
      health: () => ({ ...options.health(), in_flight: this.#answering.size }),
      onEvent: (event) => this.#event(event),
    })
  }

  /** Begins to look for the broker. */
  start(): void {
    this.#connection.start()
  }

  tick(now: number): void {
    this.#connection.tick(now)
    this.#outflow.tick(now)
    if (this.#toldAway !== undefined) this.#tellAway()
  }

  /** Says GOODBYE if there is somebody to hear it, waiting at most until `patience` resolves. */
  close(patience: () => Promise<void>): Promise<void> {
    return this.#connection.close(patience)
  }

  #event(event: LinkEvent): void {
    switch (event.type) {
      case 'welcomed':
        this.#isRegistered = false
        this.#toldAway = undefined
        this.#credit = event.welcome.credit
        this.#answering = new Map()
        this.#register()
        break
      case 'lost':
        this.#isRegistered = false
        this.#outflow.close()
        this.#options.log.warn({ reason: event.reason }, 'broker lost')
        this.#options.notice({ type: 'away', reason: event.reason })
        break
      case 'silent':
        this.#tellAway()
        break
      case 'refused':
        this.#options.notice({ type: 'refused', error: event.error })
        break
      case 'next_key':
        this.#options.learnKey?.(event.key)
        break
      case 'complaint':
        this.#complaint(event.error)
        break
      case 'message':
        this.#message(event.message)
        break
    }
  }

  /** Once for each reason: the network may be back before the key is approved. */
  #tellAway(): void {
    const { problem, trouble } = this.#connection
    const told = problem?.code ?? ''
    if (told === this.#toldAway) return
    this.#toldAway = told
    const reason = problem?.message ?? trouble ?? 'no answer'
    this.#options.log.warn({ reason }, 'broker does not answer')
    this.#options.notice({ type: 'away', reason, problem })
  }

  #register(): void {
    const params = { ...this.#options.registration(), sessions: this.sessions.report() }
    this.#registration = this.#request('host.register', params)
  }

  /** Tells what the sessions use. Nobody waits for the answer: the next report says it anew. */
  reportUsage(sessions: Params<'host.usage'>['sessions']): void {
    if (this.#isRegistered) this.#request('host.usage', { sessions })
  }

  /** The id of the request. */
  #request<M extends 'host.register' | 'host.usage'>(method: M, params: Params<M>): string {
    const id = this.#ids.next()
    const head = { kind: 'REQUEST', id, method, target: '', remaining_ms: 0 } as const
    this.#connection.send({ ...head, key: '', trace: '' }, encode(params))
    return id
  }

  #registered(result: Result<'host.register'>): void {
    const now = this.#options.timers.now()
    for (const { session, keep, acknowledged } of result.sessions) {
      const runner = this.sessions.all().find(({ options }) => options.session === session)
      if (!runner) continue
      if (keep) this.#outflow.resume(session, acknowledged, now)
      else void this.sessions.revoke(session, runner.options.epoch)
      this.sessions.settle(session)
    }
    this.#isRegistered = true
    this.#outflow.open(this.#credit)
    this.pump()
    this.#options.log.info({ sessions: result.sessions.length }, 'host registered')
    this.#options.notice({ type: 'registered' })
  }

  /** SEQUENCE_HOLE and FENCED speak of one session; the rest is for the log. */
  #complaint(error: ProtocolError): void {
    const { session, expected, epoch } = error.details
    this.#options.log.warn({ code: error.code, error: error.message }, 'broker complained')
    if (error.code === 'SEQUENCE_HOLE' && typeof expected === 'number') {
      this.#outflow.missed(String(session), expected, this.#options.timers.now())
      this.pump()
    } else if (error.code === 'FENCED' && typeof epoch === 'number') {
      void this.sessions.revoke(String(session), epoch)
    }
  }

  #message({ head, body }: Message): void {
    switch (head.kind) {
      case 'REQUEST':
        void this.#answer(head, body)
        break
      case 'CANCEL':
        this.#answering.get(head.id)?.abort()
        break
      case 'REPLY':
      case 'ERROR':
        if (head.id === this.#registration) this.#registrationEnded(head.kind, body)
        break
      case 'APPENDED':
        this.#appended(head)
        break
      case 'CREDIT':
        this.#outflow.granted(head.bytes)
        this.pump()
        break
      default:
        this.#options.log.warn({ kind: head.kind }, 'message is not for a host')
    }
  }

  #registrationEnded(kind: 'REPLY' | 'ERROR', body: Buffer): void {
    if (kind === 'REPLY') this.#registered(decodeBody(METHODS['host.register'].result, body))
    else this.#registrationFailed(ProtocolError.fromWire(decodeBody(ErrorBody, body)))
  }

  #registrationFailed(error: ProtocolError): void {
    if (!error.retryable) {
      this.#options.notice({ type: 'refused', error })
      return
    }
    const failed = this.#registration
    const again = () => {
      if (this.#registration === failed) this.#register()
    }
    this.#options.timers.after(REGISTER_AGAIN_MS, again)
  }

  #appended({ session, epoch, sequence }: HeadFor<'APPENDED'>): void {
    this.#outflow.acknowledged(session, epoch, sequence, this.#options.timers.now())
    this.sessions.settle(session)
    this.pump()
  }

  /** Answers a request of the broker: exactly one REPLY or ERROR, to the connection that asked. */
  async #answer(head: HeadFor<'REQUEST'>, body: Buffer): Promise<void> {
    const answering = this.#answering
    if (answering.size >= MAX_ANSWERING) {
      const details = { what: 'the number of requests under way', limit: MAX_ANSWERING }
      const error = new ProtocolError('OVERLOADED', details, { where: 'host' })
      this.#connection.send({ kind: 'ERROR', id: head.id }, encode(error.toWire()))
      return
    }
    const controller = new AbortController()
    answering.set(head.id, controller)
    const answer = await this.#outcome(head, body, controller.signal)
    answering.delete(head.id)
    // Another connection has other requests under the same ids.
    if (answering === this.#answering) this.#connection.send(answer.head, answer.body)
  }

  async #outcome({ id, method: name }: HeadFor<'REQUEST'>, body: Buffer, signal: AbortSignal) {
    try {
      const method = hostMethod(name)
      const params = decodeBody(METHODS[method].params, body, 'INVALID_PARAMS', { method })
      const result = await this.#options.run(method, params as never, signal)
      return { head: { kind: 'REPLY', id }, body: encode(result) } as const
    } catch (thrown) {
      const error = ProtocolError.from(thrown, 'host', 'unknown')
      if (error.code === 'INTERNAL')
        this.#options.log.error({ err: thrown, method: name }, 'defect')
      return { head: { kind: 'ERROR', id }, body: encode(error.toWire()) } as const
    }
  }

  /** At the end of the current task, so that the chunks of one read leave in one bundle. */
  pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    queueMicrotask(() => {
      this.#isPumping = false
      this.#outflow.pump(this.#options.timers.now())
    })
  }
}

function hostMethod(name: string): HostMethod {
  if (isMethod(name) && METHODS[name].answeredBy === 'host') return name as HostMethod
  throw new ProtocolError('UNKNOWN_METHOD', { method: name }, { where: 'host' })
}
