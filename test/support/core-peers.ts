/** A client and a host of the core harness: they speak heads and bodies, and remember what they hear. */
import type { Message } from '../../protocol/bundle.ts'
import { decodeBody, EMPTY, encode } from '../../protocol/codec.ts'
import { type ErrorCode, ProtocolError, type WireError } from '../../protocol/errors.ts'
import type { Identity } from '../../protocol/link/broker-link.ts'
import { ErrorBody } from '../../protocol/messages/calls.ts'
import { CHUNK_CODES, type ChunkBody, type ChunkType } from '../../protocol/messages/chunk.ts'
import type { Role } from '../../protocol/messages/handshake.ts'
import type { Head, HeadFor } from '../../protocol/messages/index.ts'
import {
  type BrokerMethod,
  type HostMethod,
  METHODS,
  type Params,
  type Result,
} from '../../protocol/methods/index.ts'
import { CoreHarness, type HarnessOptions, type Receiver } from './core-harness.ts'

export interface RequestOptions {
  readonly id?: string
  readonly key?: string
  readonly remainingMs?: number
  /** Whom a gateway acts for. */
  readonly user?: string
}

export class Client implements Receiver {
  readonly connection: string
  readonly received: Message[] = []
  readonly #harness: CoreHarness
  readonly #identity: Identity
  #requests = 0

  constructor(
    harness: CoreHarness,
    principal = 'local',
    roles: readonly Role[] = ['admin'],
    rights: Pick<Identity, 'reach' | 'key'> = {},
  ) {
    this.#harness = harness
    this.#identity = { principal, roles, ...rights }
    this.connection = harness.newConnection()
    harness.join(this)
  }

  receive(message: Message): void {
    this.received.push(message)
  }

  act(): boolean {
    return false
  }

  leave(): void {
    this.#harness.leave(this.connection)
  }

  send(...messages: (readonly [Head, Buffer])[]): void {
    const all = messages.map(([head, body]) => ({ head, body }))
    this.#harness.deliver(this.connection, this.#identity, ...all)
  }

  /** Asks and returns the id of the request. */
  ask<M extends BrokerMethod>(method: M, params: Params<M>, options: RequestOptions = {}): string {
    this.#requests += 1
    const { id = `r${this.#requests}`, key = '', remainingMs = 0, user } = options
    const rest = { target: '', remaining_ms: remainingMs, key, trace: '', ...(user && { user }) }
    this.send([{ kind: 'REQUEST', id, method, ...rest }, encode(params)])
    return id
  }

  cancel(id: string): void {
    this.send([{ kind: 'CANCEL', id }, EMPTY])
  }

  /** The kinds of what came for a request, in order. */
  kindsOf(id: string): string[] {
    return this.#of(id).map(({ head }) => head.kind)
  }

  hasEnd(id: string): boolean {
    return this.kindsOf(id).some(isEnd)
  }

  /** The result of a request that has ended well. */
  resultOf<M extends BrokerMethod>(method: M, id: string): Result<M> {
    const { head, body } = this.#endOf(id)
    if (head.kind === 'REPLY') return decodeBody(METHODS[method].result, body) as Result<M>
    throw ProtocolError.fromWire(decodeBody(ErrorBody, body))
  }

  errorOf(id: string): WireError {
    const { head, body } = this.#endOf(id)
    if (head.kind !== 'ERROR') throw new Error(`request ${id} did not fail`)
    return decodeBody(ErrorBody, body)
  }

  call<M extends BrokerMethod>(method: M, params: Params<M>, options?: RequestOptions): Result<M> {
    return this.resultOf(method, this.ask(method, params, options))
  }

  /** What a request fails with. */
  failure<M extends BrokerMethod>(method: M, params: Params<M>, options?: RequestOptions) {
    return this.errorOf(this.ask(method, params, options))
  }

  #of(id: string): Message[] {
    return this.received.filter(({ head }) => 'id' in head && head.id === id)
  }

  #endOf(id: string): Message {
    const [end, second] = this.#of(id).filter(({ head }) => isEnd(head.kind))
    if (end && !second) return end
    throw new Error(`request ${id} has ${end ? 'several ends' : 'no end'}`)
  }
}

function isEnd(kind: string): boolean {
  return kind === 'REPLY' || kind === 'ERROR'
}

export interface HostOptions {
  /** Whose host it is; default: the local user's. */
  readonly principal?: string
  readonly name?: string
  readonly slots?: number
  readonly labels?: readonly string[]
  readonly backends?: readonly string[]
  /** Methods that are answered when the test says so; default: all at once. */
  readonly holds?: readonly HostMethod[]
}

type Asked = { readonly head: HeadFor<'REQUEST'>; readonly body: Buffer }

export class Host extends Client {
  readonly id: string
  /** Requests of the broker that wait for an answer. */
  readonly asked: Asked[] = []
  /** All requests of the broker: method and parameters. */
  readonly history: { readonly method: string; readonly params: Record<string, unknown> }[] = []
  readonly holds: Set<HostMethod>
  readonly #options: HostOptions
  readonly #produced = new Map<string, number>()

  constructor(harness: CoreHarness, id = 'h1', options: HostOptions = {}) {
    super(harness, options.principal ?? 'local', ['host'])
    this.id = id
    this.#options = options
    this.holds = new Set(options.holds)
  }

  /** Registers; `sessions` are those that live on it. */
  register(...sessions: Params<'host.register'>['sessions']): Result<'host.register'> {
    const { slots = 100, labels = [], backends = ['demo'] } = this.#options
    const { name = `name of ${this.id}` } = this.#options
    return this.call('host.register', {
      host: this.id,
      name,
      labels: [...labels],
      slots,
      backends: backends.map((name) => ({
        name,
        title: name,
        available: true,
        version: '1',
        reason: '',
        capabilities: [],
      })),
      sessions,
      software: 'test',
      pid: 7,
    })
  }

  override receive(message: Message): void {
    super.receive(message)
    if (message.head.kind !== 'REQUEST') return
    const { head, body } = message
    this.asked.push({ head, body })
    const { params } = METHODS[head.method as HostMethod]
    this.history.push({ method: head.method, params: { ...decodeBody(params, body) } })
  }

  override act(): boolean {
    const free = this.asked.find(({ head }) => !this.holds.has(head.method as HostMethod))
    if (free) this.answer(free.head.method as HostMethod)
    return free !== undefined
  }

  /** Answers the oldest waiting request for this method as a host that did it. */
  answer<M extends HostMethod>(method: M, result?: Result<M>): void {
    const { head, body } = this.#next(method)
    this.send([{ kind: 'REPLY', id: head.id }, encode(result ?? defaultResult(method, body))])
  }

  refuse(method: HostMethod, code: ErrorCode, executed: 'no' | 'yes' | 'unknown' = 'no'): void {
    const error = new ProtocolError(code, {}, { executed, where: 'host' })
    this.send([{ kind: 'ERROR', id: this.#next(method).head.id }, encode(error.toWire())])
  }

  #next(method: HostMethod): Asked {
    const index = this.asked.findIndex(({ head }) => head.method === method)
    const [found] = index < 0 ? [] : this.asked.splice(index, 1)
    if (found) return found
    throw new Error(`host ${this.id} was not asked for ${method}`)
  }

  /** Sends the next chunk of a session; its number is given back. */
  append<T extends ChunkType>(
    session: string,
    type: T,
    body: ChunkBody<T>,
    options: { readonly turn?: number; readonly epoch?: number; readonly sequence?: number } = {},
  ): number {
    const next = (this.#produced.get(session) ?? 0) + 1
    const { turn = 0, epoch = 1, sequence = next } = options
    if (sequence === next) this.#produced.set(session, next)
    const head = {
      kind: 'APPEND',
      session,
      epoch,
      sequence,
      turn,
      type: CHUNK_CODES[type],
    } as const
    this.send([head, encode(body)])
    return sequence
  }

  /** The agent of a session asks whether a tool may run; the id of its question is given back. */
  askApproval(
    session: string,
    approval: string,
    more: Partial<ChunkBody<'approval_request'>> = {},
    turn = 0,
  ): string {
    const tool = { tool_id: `t-${approval}`, tool_name: 'Bash', input: { command: 'touch x' } }
    const options: ChunkBody<'approval_request'>['options'] = ['allow', 'allow_always', 'deny']
    this.append(session, 'approval_request', { approval, ...tool, options, ...more }, { turn })
    return approval
  }

  /** The process of a session ends; it begins to count anew. */
  exit(session: string, exitCode: number, epoch = 1): void {
    this.append(session, 'complete', { exit_code: exitCode, session_id: session }, { epoch })
    this.#produced.delete(session)
  }

  endTurn(session: string, turn: number): void {
    this.append(session, 'turn_complete', { turn_number: turn, reason: 'end_turn' }, { turn })
  }

  heads<K extends Head['kind']>(kind: K): HeadFor<K>[] {
    return this.received
      .filter(({ head }) => head.kind === kind)
      .map(({ head }) => head as unknown as HeadFor<K>)
  }

  /** The codes of complaints about the connection. */
  complaints(): string[] {
    return this.received
      .filter(({ head }) => head.kind === 'ERROR' && head.id === '')
      .map(({ body }) => decodeBody(ErrorBody, body).code)
  }
}

function defaultResult(method: HostMethod, body: Buffer): Result<HostMethod> {
  switch (method) {
    case 'agent.start': {
      const { native_session_id } = decodeBody(METHODS[method].params, body)
      return { pid: 4711, native_session_id, cwd: '/work' }
    }
    case 'agent.probe': {
      const { data } = decodeBody(METHODS[method].params, body)
      return { pid: 4711, quiet_ms: 5, turn: 0, stdin_bytes: 0, held_bytes: 0, data }
    }
    case 'agent.prompt':
      return {}
    case 'agent.interrupt':
      return { interrupted: true, turn: 1 }
    case 'agent.answer':
      return { applied: true }
    case 'agent.stop':
    case 'agent.kill':
      return { exit_code: 0, signal: '' }
    case 'agent.pause':
    case 'agent.resume':
    case 'agent.signal':
    case 'agent.write':
    case 'agent.set_mode':
      return {}
  }
}

/** Parameters of the plainest session there is. */
export const demo = { backend: 'demo' } as const

/** A broker with a client and a registered host; everything is on disk. */
export function setUp(options: HarnessOptions = {}, hostOptions: HostOptions = {}) {
  const harness = new CoreHarness(options)
  const client = new Client(harness)
  const host = new Host(harness, 'h1', hostOptions)
  host.register()
  harness.settle()
  return { harness, client, host }
}

/** The same, with a session that takes prompts. */
export function withSession(options: HarnessOptions = {}, hostOptions: HostOptions = {}) {
  const setting = setUp(options, hostOptions)
  const id = setting.client.ask('session.create', demo)
  setting.harness.settle()
  const { session } = setting.client.resultOf('session.create', id)
  return { ...setting, session }
}
