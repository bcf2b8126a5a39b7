/**
 * What the doors of the shim work with, without sockets: a client of the SDK on a broker in memory, and a
 * host that does what it is asked. Real code from the text that comes in to the journal.
 */
import { createHash } from 'node:crypto'
import pino from 'pino'
import { Client } from '../../clients/sdk/client.ts'
import type { Transport } from '../../clients/sdk/transport.ts'
import { OneAtATime } from '../../clients/shim/agents/one-at-a-time.ts'
import { AttachDesk } from '../../clients/shim/attach/desk.ts'
import { brokerStore } from '../../clients/shim/attach/key-store.ts'
import { Chats } from '../../clients/shim/chats.ts'
import { AgentTypes } from '../../clients/shim/legacy/agent-types.ts'
import type { LegacyPorts } from '../../clients/shim/legacy/ports.ts'
import { NO_LOGS } from '../../clients/shim/rep/log-place.ts'
import type { RepPorts } from '../../clients/shim/rep/ports.ts'
import { EPOCH_MS } from '../support/core-harness.ts'
import { Host } from '../support/core-peers.ts'
import { MemoryBroker } from './memory-broker.ts'
import { Random } from './random.ts'
import { must } from './target.ts'

const BACKENDS = ['claude', 'codex', 'opencode', 'gemini', 'demo']

export class MemoryShim {
  readonly broker: MemoryBroker
  readonly client: Client
  readonly legacy: LegacyPorts
  readonly desk: AttachDesk
  readonly rep: RepPorts
  readonly host: Host
  readonly #random = new Random(1)
  readonly #receivers = new Map<string, (frames: readonly Uint8Array[]) => void>()
  #dealers = 0

  constructor() {
    this.broker = new MemoryBroker({ seed: 1 }, { ready: (connection) => this.#ready(connection) })
    this.host = new Host(this.broker.harness, 'h1', { backends: BACKENDS, slots: 10_000 })
    this.host.register()
    this.client = new Client({
      ...{ endpoint: 'memory:router', role: 'admin', principal: 'local', software: 'fuzzed' },
      deadlineMs: 30_000,
      transport: this.#transport(),
      now: () => this.broker.now,
      random: () => this.#random.fraction(),
      randomBytes: (size) => this.#random.bytes(size),
      pause: () => Promise.resolve(),
      every: () => () => undefined,
    })
    this.legacy = this.#legacyPorts()
    const { wall, uuid } = this.legacy
    this.desk = new AttachDesk({ store: brokerStore(this.client), wall, uuid, ttlMs: 60_000 })
    this.desk.useSockets({
      open: async (agent) => `/attach/${agent}`,
      revoked: () => undefined,
      hasRoom: () => true,
      maxPerAgent: 1,
    })
    this.rep = {
      client: this.client,
      wall,
      serverId: 'server',
      endpoint: () => 'tcp://127.0.0.1:5555',
      maxAgents: 10_000,
      legacy: this.legacy,
      logs: NO_LOGS,
      readers: new OneAtATime(),
    }
  }

  /** Ids of the agents that cases may speak of: the same for each new one. */
  async furnish(): Promise<readonly string[]> {
    const ids: string[] = []
    for (const mode of ['agent', 'agent', 'chat']) {
      const metadata = { mode, agent_name: 'anna' }
      const { session } = await this.client.call('session.create', { backend: 'claude', metadata })
      ids.push(session)
    }
    const { task } = await this.client.call('task.create', { title: 'dig' })
    return [...ids, task]
  }

  #transport(): Transport {
    return {
      dealer: (_endpoint, handlers) => {
        this.#dealers += 1
        const connection = `client ${this.#dealers}`
        this.#receivers.set(connection, (frames) => handlers.receive(frames))
        return {
          send: async ({ heads, bodies }) => {
            this.broker.receive(connection, [heads, bodies])
            this.broker.publish()
          },
          redial: () => undefined,
          close: () => undefined,
        }
      },
      subscriber: (_endpoint, receive) => this.#subscriber(receive),
    }
  }

  #subscriber(receive: Parameters<Transport['subscriber']>[1]) {
    const port = this.broker.subscriber(receive)
    return {
      ...port,
      subscribe: (ticket: string) => {
        port.subscribe(ticket)
        this.broker.publish()
      },
    }
  }

  /** Answers come in a task of their own, as those of a socket do. */
  #ready(connection: string): void {
    const receive = this.#receivers.get(connection)
    if (!receive) return
    queueMicrotask(() => {
      const { connections } = this.broker
      for (let next = connections.next(connection); next; next = connections.next(connection)) {
        receive([next.heads, next.bodies])
      }
    })
  }

  #legacyPorts(): LegacyPorts {
    return {
      client: this.client,
      log: pino({ level: 'silent' }),
      chats: new Chats(),
      types: new AgentTypes({}),
      wall: () => EPOCH_MS + this.broker.now,
      now: () => this.broker.now,
      uuid: () => this.#uuid(),
      pause: () => Promise.resolve(),
      hostWaitMs: 0,
      chatEndpoint: () => 'tcp://127.0.0.1:19480',
    }
  }

  #uuid(): string {
    const hex = createHash('md5').update(this.#random.bytes(16)).digest('hex')
    const [a, b, c, d, e] = [0, 8, 12, 16, 20].map((at, index, all) =>
      hex.slice(at, all[index + 1]),
    )
    return [a, b, c, d, e].join('-')
  }
}

/** What a program that has tripped over itself says; nobody outside is to see it. */
export const TRIPPED =
  /Cannot (read|convert|set|destructure|mix)|is not (a function|iterable|a constructor|defined)|Maximum call stack|Invalid (array|string|count) |of (undefined|null)\b/

/** What of the insides of a program must reach no agent. */
const INSIDES = /\[native code\]|\[object \w+\]/

/** After each case: what the host was asked since the last time makes sense. */
export function checkAsked({ host, broker }: MemoryShim): void {
  for (const { method, params } of host.history.splice(0)) {
    const text = method === 'agent.prompt' ? String(params['text']) : ''
    must(!INSIDES.test(text), () => `an agent was asked: ${text.slice(0, 80)}`)
  }
  host.received.length = 0
  for (const { event, fields } of broker.harness.logs) {
    must(event !== 'defect', () => `the broker has a defect: ${JSON.stringify(fields)}`)
  }
  broker.harness.logs.length = 0
  broker.harness.bundles.length = 0
}

/** A client that has done nothing wrong is served as ever. */
export async function checkServed({ client, broker }: MemoryShim): Promise<void> {
  await client.call('state.set', { key: 'bystander', value: broker.now })
}
