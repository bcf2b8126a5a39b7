/**
 * A host without children: real link, real credit, real chunk log of a host, and what a program of the
 * bench gives it in place of the output of processes, which would be slower than what is measured. Text
 * and thinking alternate, because a host merges deltas of one kind that wait, and then there were fewer.
 * What is written to a process it takes and acknowledges, as the workers of the peers do.
 */
import { randomBytes } from 'node:crypto'
import { ChunkLog } from '../../../agent-host/chunk-log.ts'
import { Outflow } from '../../../agent-host/outflow.ts'
import { dealerWith } from '../../../agent-host/sockets.ts'
import type { Message } from '../../../protocol/bundle.ts'
import { decodeBody, encode } from '../../../protocol/codec.ts'
import { credentialsOf } from '../../../protocol/keys/peer-keys.ts'
import { MAX_CHUNK_BYTES } from '../../../protocol/limits.ts'
import { NO_AGENT } from '../../../protocol/link/health.ts'
import { PeerConnection } from '../../../protocol/link/peer-connection.ts'
import type { Chunk } from '../../../protocol/messages/chunk.ts'
import { METHODS, type Params } from '../../../protocol/methods/index.ts'
import { peerKeys } from '../../../protocol/process/peer-keys.ts'
import type { Place } from '../transports.ts'

const TICK_MS = 100
const NAME = 'childless-host'
/** Longest text that a chunk of a host holds, characters; what is longer becomes several. */
const MAX_PIECE = MAX_CHUNK_BYTES / 4

interface Waiting {
  /** Number of the last chunk of what was appended. */
  readonly through: number
  readonly resolve: () => void
}

export interface ChildlessOptions {
  /** Tells it from others of this process. */
  readonly index: number
  readonly slots: number
}

interface Agent {
  readonly session: string
  readonly log: ChunkLog
  /** For what is not acknowledged, in order. */
  readonly waiting: Waiting[]
  /** Appended, and of how many chunks that was. */
  texts: number
  chunks: number
}

export class ChildlessHost {
  readonly #connection: PeerConnection
  readonly #outflow = new Outflow((head, body) => this.#connection.send(head, body))
  readonly #agents = new Map<string, Agent>()
  readonly #order: Agent[] = []
  readonly #options: ChildlessOptions
  #credit = 0
  #isPumping = false
  #onRegistered: () => void = () => undefined

  private constructor(place: Place, options: ChildlessOptions) {
    this.#options = options
    const now = () => performance.now()
    const keys = keysOf(place)
    this.#connection = new PeerConnection({
      endpoint: place.endpoint,
      role: 'host',
      principal: keys ? '' : 'local',
      credentials: keys && credentialsOf(keys),
      software: NAME,
      dealer: dealerWith(keys),
      now,
      random: Math.random,
      health: () => ({ loop_lag_ms: 0, in_flight: 0, progress_age_ms: NO_AGENT }),
      onEvent: (event) => {
        if (event.type === 'welcomed') this.#register(event.welcome.credit)
        else if (event.type === 'message') this.#take(event.message)
        else if (event.type !== 'silent') throw new Error(`the broker said ${event.type}`)
      },
    })
    setInterval(() => {
      this.#connection.tick(now())
      this.#outflow.tick(now())
    }, TICK_MS)
    this.#connection.start()
  }

  /** Resolves once it is registered. */
  static async start(place: Place, options: ChildlessOptions): Promise<ChildlessHost> {
    const host = new ChildlessHost(place, options)
    await new Promise<void>((resolve) => {
      host.#onRegistered = resolve
    })
    return host
  }

  /** Sessions in the order in which they were started here. */
  get sessions(): readonly string[] {
    return this.#order.map(({ session }) => session)
  }

  /** Resolves when the broker has it on disk. */
  append(content: string, index: number): Promise<void> {
    const agent = this.#order[index]
    if (!agent) throw new Error(`there is no session ${index}`)
    agent.texts += 1
    agent.chunks += Math.max(1, Math.ceil(content.length / MAX_PIECE))
    const chunk: Chunk = { type: agent.texts % 2 === 0 ? 'text' : 'thinking', content }
    agent.log.add(0, chunk)
    this.#pump()
    return new Promise((resolve) => agent.waiting.push({ through: agent.chunks, resolve }))
  }

  /** At the end of the current task, as a host does. */
  #pump(): void {
    if (this.#isPumping) return
    this.#isPumping = true
    queueMicrotask(() => {
      this.#isPumping = false
      this.#outflow.pump(performance.now())
    })
  }

  #register(credit: number): void {
    this.#credit = credit
    const capabilities: string[] = []
    const backend = { name: 'bench', title: 'Bench', available: true, version: '1', reason: '' }
    const { index, slots } = this.#options
    const host = `${NAME}-${process.pid}-${index}`
    const params: Params<'host.register'> = {
      host,
      name: host,
      labels: [],
      slots,
      backends: [{ ...backend, capabilities }],
      sessions: [],
      software: NAME,
      pid: process.pid,
    }
    const head = { kind: 'REQUEST', id: 'register', method: 'host.register', target: '' } as const
    this.#connection.send({ ...head, remaining_ms: 0, key: '', trace: '' }, encode(params))
  }

  #take({ head, body }: Message): void {
    switch (head.kind) {
      case 'REPLY':
        this.#outflow.open(this.#credit)
        this.#onRegistered()
        break
      case 'APPENDED':
        this.#outflow.acknowledged(head.session, head.epoch, head.sequence, performance.now())
        this.#settle(head.session, head.sequence)
        this.#pump()
        break
      case 'CREDIT':
        this.#outflow.granted(head.bytes)
        this.#pump()
        break
      case 'REQUEST':
        this.#answer(head.id, head.method, body)
        break
      default:
        throw new Error(`unexpected ${head.kind}`)
    }
  }

  #answer(id: string, method: string, body: Buffer): void {
    if (method === 'agent.start') {
      this.#startAgent(id, decodeBody(METHODS[method].params, body))
    } else if (method === 'agent.probe') {
      const { data } = decodeBody(METHODS[method].params, body)
      const seen = { pid: process.pid, quiet_ms: 0, turn: 0, stdin_bytes: 0, held_bytes: 0 }
      this.#connection.send({ kind: 'REPLY', id }, encode({ ...seen, data }))
    } else if (method === 'agent.write') {
      decodeBody(METHODS[method].params, body)
      this.#connection.send({ kind: 'REPLY', id }, encode({}))
    } else throw new Error(`unexpected ${method}`)
  }

  #startAgent(id: string, { session, epoch, native_session_id }: Params<'agent.start'>): void {
    const agent: Agent = { session, log: new ChunkLog(), waiting: [], texts: 0, chunks: 0 }
    this.#agents.set(session, agent)
    this.#order.push(agent)
    this.#outflow.add({ session, epoch, log: agent.log })
    const result = { pid: process.pid, native_session_id, cwd: '/' }
    this.#connection.send({ kind: 'REPLY', id }, encode(result))
  }

  #settle(session: string, sequence: number): void {
    const agent = this.#agents.get(session)
    if (!agent) return
    const first = agent.waiting.findIndex(({ through }) => through > sequence)
    const count = first === -1 ? agent.waiting.length : first
    for (const { resolve } of agent.waiting.splice(0, count)) resolve()
  }
}

function keysOf({ dir, endpoint, brokerKey, keyFile }: Place) {
  const settings = { broker_key: brokerKey, key_file: keyFile }
  const where = { settings, places: { endpoint, stateDir: dir }, name: NAME }
  return peerKeys(where, randomBytes)?.keys
}
