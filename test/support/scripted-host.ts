/** A host without processes: it speaks the protocol of a host, and its agents do what a test says. */
import { zeromqTransport } from '../../clients/sdk/sockets.ts'
import type { Message } from '../../protocol/bundle.ts'
import { decodeBody, encode } from '../../protocol/codec.ts'
import { NO_AGENT } from '../../protocol/link/health.ts'
import { PeerConnection } from '../../protocol/link/peer-connection.ts'
import { CHUNK_CODES, type ChunkBody, type ChunkType } from '../../protocol/messages/chunk.ts'
import { type HostMethod, METHODS, type Params, type Result } from '../../protocol/methods/index.ts'

interface Kept {
  readonly sequence: number
  readonly turn: number
  readonly type: ChunkType
  readonly body: Buffer
}

interface Agent {
  readonly session: string
  readonly epoch: number
  turn: number
  produced: number
  unacknowledged: Kept[]
}

export type OnPrompt = (host: ScriptedHost, prompt: Params<'agent.prompt'>) => void

export interface ScriptedHostOptions {
  readonly endpoint: string
  /** What an agent does with a prompt; default: answers it with its own text. */
  readonly onPrompt?: OnPrompt
  /** Number of slots; default 100. */
  readonly slots?: number
}

const answerWithItsText: OnPrompt = (host, { session, turn, text }) => {
  host.append(session, turn, 'text', { content: text })
  host.endTurn(session, turn)
}

export class ScriptedHost {
  readonly #options: ScriptedHostOptions
  readonly #agents = new Map<string, Agent>()
  readonly #connection: PeerConnection
  readonly #timer: NodeJS.Timeout
  readonly interrupted: string[] = []
  #registered: () => void = () => undefined

  private constructor(options: ScriptedHostOptions) {
    this.#options = options
    this.#connection = new PeerConnection({
      endpoint: options.endpoint,
      role: 'host',
      principal: 'local',
      software: 'scripted-host',
      dealer: zeromqTransport.dealer,
      now: () => performance.now(),
      random: Math.random,
      health: () => ({ loop_lag_ms: 0, in_flight: 0, progress_age_ms: NO_AGENT }),
      onEvent: (event) => {
        if (event.type === 'welcomed') this.#register()
        else if (event.type === 'message') this.#take(event.message)
      },
    })
    this.#timer = setInterval(() => this.#connection.tick(performance.now()), 50)
    this.#connection.start()
  }

  /** Resolves once the host is registered. */
  static async start(options: ScriptedHostOptions): Promise<ScriptedHost> {
    const host = new ScriptedHost(options)
    await host.registered()
    return host
  }

  /** Resolves with the next registration. */
  registered(): Promise<void> {
    return new Promise((resolve) => {
      this.#registered = resolve
    })
  }

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await this.#connection.close(() => Promise.resolve())
  }

  append<T extends ChunkType>(session: string, turn: number, type: T, body: ChunkBody<T>): void {
    const agent = this.#agents.get(session)
    if (!agent) throw new Error(`no agent for session ${session}`)
    agent.produced += 1
    const kept = { sequence: agent.produced, turn, type, body: encode(body) }
    agent.unacknowledged.push(kept)
    this.#send(agent, kept)
  }

  endTurn(session: string, turn: number): void {
    this.append(session, turn, 'turn_complete', { turn_number: turn, reason: 'end_turn' })
  }

  #send({ session, epoch }: Agent, { sequence, turn, type, body }: Kept): void {
    const head = {
      kind: 'APPEND',
      session,
      epoch,
      sequence,
      turn,
      type: CHUNK_CODES[type],
    } as const
    this.#connection.send(head, body)
  }

  #register(): void {
    const params: Params<'host.register'> = {
      host: 'scripted',
      name: 'scripted',
      labels: [],
      slots: this.#options.slots ?? 100,
      backends: [
        {
          name: 'script',
          title: 'Script',
          available: true,
          version: '1',
          reason: '',
          capabilities: [],
        },
      ],
      sessions: [...this.#agents.values()].map(({ session, epoch, produced, turn }) => ({
        session,
        epoch,
        produced,
        turn,
        pid: process.pid,
      })),
      software: 'scripted-host',
      pid: process.pid,
    }
    const head = { id: 'register', method: 'host.register', target: '' } as const
    const rest = { remaining_ms: 0, key: '', trace: '' }
    this.#connection.send({ kind: 'REQUEST', ...head, ...rest }, encode(params))
  }

  #take({ head, body }: Message): void {
    if (head.kind === 'REPLY') this.#resume(decodeBody(METHODS['host.register'].result, body))
    else if (head.kind === 'APPENDED') this.#acknowledged(head.session, head.sequence)
    else if (head.kind === 'REQUEST') {
      const result = this.#answer(head.method as HostMethod, body)
      this.#connection.send({ kind: 'REPLY', id: head.id }, encode(result))
    }
  }

  #resume({ sessions }: Result<'host.register'>): void {
    for (const { session, acknowledged } of sessions) {
      this.#acknowledged(session, acknowledged)
      const agent = this.#agents.get(session)
      for (const kept of agent?.unacknowledged ?? []) if (agent) this.#send(agent, kept)
    }
    this.#registered()
  }

  #acknowledged(session: string, sequence: number): void {
    const agent = this.#agents.get(session)
    if (!agent) return
    agent.unacknowledged = agent.unacknowledged.filter((kept) => kept.sequence > sequence)
  }

  #answer(method: HostMethod, body: Buffer): Result<HostMethod> {
    switch (method) {
      case 'agent.start':
        return this.#startAgent(decodeBody(METHODS[method].params, body))
      case 'agent.prompt':
        return this.#prompt(decodeBody(METHODS[method].params, body))
      case 'agent.interrupt':
        return this.#interrupt(decodeBody(METHODS[method].params, body))
      case 'agent.answer':
        return { applied: false } // its agents never ask
      case 'agent.stop':
      case 'agent.kill':
        return this.#end(decodeBody(METHODS[method].params, body))
      default:
        throw new Error(`the scripted host does not know ${method}`)
    }
  }

  #startAgent({ session, epoch, turn, native_session_id }: Params<'agent.start'>) {
    this.#agents.set(session, { session, epoch, turn, produced: 0, unacknowledged: [] })
    return { pid: process.pid, native_session_id, cwd: '/' }
  }

  #prompt(prompt: Params<'agent.prompt'>) {
    const agent = this.#agents.get(prompt.session)
    if (agent) agent.turn = prompt.turn
    const { onPrompt = answerWithItsText } = this.#options
    setImmediate(() => onPrompt(this, prompt))
    return {}
  }

  #interrupt({ session }: Params<'agent.interrupt'>) {
    this.interrupted.push(session)
    const turn = this.#agents.get(session)?.turn ?? 0
    this.append(session, turn, 'turn_complete', { turn_number: turn, reason: 'interrupted' })
    return { interrupted: true, turn }
  }

  #end({ session }: Params<'agent.stop'>) {
    this.append(session, 0, 'complete', { exit_code: 0, session_id: session })
    return { exit_code: 0, signal: '' }
  }
}
