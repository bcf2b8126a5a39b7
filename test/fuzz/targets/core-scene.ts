/**
 * A broker in memory with peers of all roles, a host that behaves and one that does what the case says;
 * and what must hold whatever they do.
 */
import { isDeepStrictEqual } from 'node:util'
import { decodeBundle, encodeBundle, type Message } from '../../../protocol/bundle.ts'
import { encode } from '../../../protocol/codec.ts'
import type { Head } from '../../../protocol/messages/index.ts'
import { METHODS } from '../../../protocol/methods/index.ts'
import { Client, demo, Host } from '../../support/core-peers.ts'
import { MemoryBroker } from '../memory-broker.ts'
import { must } from '../target.ts'
import { Ledger } from './core-ledger.ts'
import { HOST_PEER, type Names, PEERS, STEP } from './core-steps.ts'

const HOST_METHODS = Object.values(METHODS).flatMap((method) =>
  method.answeredBy === 'host' ? [method.name] : [],
)
const HOST = { principal: 'local', roles: ['host'] } as const
export class Scene {
  readonly names: Names
  readonly #broker: MemoryBroker
  readonly #bystander: Client
  #hostile: Host
  readonly #sessions: readonly string[]
  readonly #connections: string[] = []
  readonly #ledger = new Ledger()
  readonly #produced = new Map<string, number>()
  #peers = 0

  constructor() {
    this.#broker = new MemoryBroker(
      { seed: 1 },
      {
        request: (connection, head) => this.#ledger.requested(connection, head),
        began: (connection) => this.#ledger.began(connection),
      },
    )
    const { harness } = this.#broker
    new Host(harness, 'h1').register()
    this.#bystander = new Client(harness, 'bystander', ['admin'])
    this.#hostile = new Host(harness, 'h2')
    this.#hostile.register()
    this.#sessions = ['s1', 's2', 's3', 's4'].map((name, index) => this.#create(name, index))
    this.names = this.#furnish()
    for (const method of HOST_METHODS) this.#hostile.holds.add(method)
    for (const peer of PEERS.keys()) this.#connect(peer)
  }

  #create(name: string, index: number): string {
    const start = index === 3 ? ({ start: 'on_prompt' } as const) : {}
    const params = { ...demo, ...start, name, host: index === 0 ? 'h1' : 'h2' }
    return this.#bystander.call('session.create', params).session
  }

  #furnish(): Names {
    const [s1 = '', s2 = ''] = this.#sessions
    this.#bystander.call('session.prompt', { session: s2, text: 'go' })
    this.#hostile.askApproval(s2, 'q1', {}, 1)
    this.#produced.set(s2, 1)
    const { task } = this.#bystander.call('task.create', { title: 'dig' })
    this.#bystander.call('state.set', { key: 'k1', value: { a: 1 } })
    const steps = [{ id: 'a', session: 's1', prompt: 'say' }]
    const { execution } = this.#bystander.call('workflow.execute', { name: 'w', steps })
    const { ticket } = this.#bystander.call('stream.open', { session: s1 })
    const session = ['s1', 's2', 's3', 's4', ...this.#sessions]
    const streams = ['@events', `@workflow/${execution}`]
    return {
      session: [...session, ...streams],
      sessions: session,
      host: ['h1', 'h2'],
      task: [task, task.slice(0, 4)],
      key: ['k1', 'k2'],
      execution: [execution],
      approval: ['q1', 'q2'],
      ticket: [ticket],
      needs: ['a', 'b'],
      id: ['a', 'b', 'c'],
      backend: ['demo'],
      version: [0, 1, 2, 3],
      epoch: [1],
    }
  }

  #connect(peer: number): void {
    this.#peers += 1
    const connection = `peer ${this.#peers}`
    this.#connections[peer] = connection
    const principal = PEERS[peer] ?? ''
    if (principal === 'stranger' || peer === HOST_PEER) return
    const body = { major: 1, minor: 0, features: [], role: 'operator', principal, software: 'f' }
    this.#receive(connection, [{ head: { kind: 'HELLO' }, body: encode(body) }])
  }

  #receive(connection: string, messages: readonly Message[]): void {
    const { heads, bodies } = encodeBundle(messages)
    this.#broker.receive(connection, [heads, bodies])
    this.#read(connection)
  }

  step(piece: Buffer): void {
    const [what, first = 0, second = 0, third = 0] = piece
    if (what === STEP.frames) this.#frames(first, frameOf(piece), restOf(piece))
    else if (what === STEP.append) this.#append(first, second, third, piece.subarray(4))
    else if (what === STEP.answer) this.#answer(first, piece.subarray(2))
    else if (what === STEP.behave) this.#behave()
    else if (what === STEP.time) this.#pass((first * 256 + second) * 100)
    else if (what === STEP.reconnect) this.#reconnect(first % PEERS.length)
    else if (what === STEP.disk) this.#broker.harness.journal.isFull = first % 2 === 1
  }

  /** Step by step for a while; what is longer passes at once. */
  #pass(ms: number): void {
    if (ms <= 2000) this.#broker.advance(ms)
    else this.#broker.harness.skip(ms)
  }

  #frames(peer: number, heads: Buffer, bodies: Buffer): void {
    if (peer % PEERS.length === HOST_PEER) {
      this.#fromHost(heads, bodies)
      return
    }
    const connection = this.#connections[peer % PEERS.length] ?? ''
    this.#ledger.said(connection, entriesOf([heads, bodies]))
    this.#broker.receive(connection, [heads, bodies])
    this.#read(connection)
  }

  /** The host of the scene is behind its link already. */
  #fromHost(heads: Buffer, bodies: Buffer): void {
    const { harness } = this.#broker
    for (const entry of entriesOf([heads, bodies])) {
      if (entry.ok) harness.deliver(this.#hostile.connection, HOST, entry.message)
    }
  }

  #append(which: number, type: number, turn: number, body: Buffer): void {
    const session = this.#sessions[which % this.#sessions.length] ?? ''
    const sequence = (this.#produced.get(session) ?? 0) + 1
    const { epoch = 1 } = this.#broker.harness.core.sessions.get(session) ?? {}
    const head: Head = { kind: 'APPEND', session, epoch, sequence, turn, type }
    this.#broker.harness.deliver(this.#hostile.connection, HOST, { head, body })
    const { producer } = this.#broker.harness.core.streams.of(session)
    this.#produced.set(session, producer)
  }

  #answer(which: number, body: Buffer): void {
    const asked = this.#hostile.asked.shift()
    if (!asked) return
    const head: Head = { kind: which % 2 === 0 ? 'REPLY' : 'ERROR', id: asked.head.id }
    this.#broker.harness.deliver(this.#hostile.connection, HOST, { head, body })
  }

  #behave(): void {
    const held = [...this.#hostile.holds]
    this.#hostile.holds.clear()
    this.#broker.harness.turn()
    for (const method of held) this.#hostile.holds.add(method)
  }

  #reconnect(peer: number): void {
    if (peer !== HOST_PEER) {
      this.#broker.gone(this.#connections[peer] ?? '')
      this.#connect(peer)
      return
    }
    this.#hostile.leave()
    this.#hostile = new Host(this.#broker.harness, 'h2')
    for (const method of HOST_METHODS) this.#hostile.holds.add(method)
    this.#hostile.register(...this.#sessions.slice(1, 3).map((session) => this.#live(session)))
  }

  /** A session as the host says that it lives. */
  #live(session: string) {
    const { epoch = 1 } = this.#broker.harness.core.sessions.get(session) ?? {}
    const { producer } = this.#broker.harness.core.streams.of(session)
    return { session, epoch, produced: producer, turn: 1, pid: 7 }
  }

  /** After each case. */
  check(): void {
    const { harness } = this.#broker
    harness.journal.isFull = false
    for (const connection of this.#connections) this.#read(connection)
    for (const { event, fields } of harness.logs) if (event === 'defect') throw causeOf(fields)
    harness.logs.length = 0
    harness.published.length = 0
    harness.bundles.length = 0
    this.#hostile.received.length = 0
    this.#hostile.history.length = 0
    this.#bystander.received.length = 0
  }

  /** Whoever does nothing wrong is served as ever. */
  checkOthers(): void {
    this.#bystander.call('session.list', {})
    this.#bystander.call('state.set', { key: 'bystander', value: this.#broker.now })
    const { value } = this.#bystander.call('state.get', { key: 'bystander' })
    must(value === this.#broker.now, 'a value that was set is another one')
  }

  /** The hosts leave and time passes: all that is owed must have come, and be on disk. */
  end(): void {
    const { harness } = this.#broker
    harness.journal.isFull = false
    this.#behave()
    this.#hostile.leave()
    harness.skip(61_000)
    harness.skip(61_000)
    this.check()
    this.checkOthers()
    must(harness.core.calls.inFlight === 0, () => `${harness.core.calls.inFlight} calls do not end`)
    this.#ledger.checkEnds(this.#connections)
    this.#checkRestart()
  }

  /** What a new broker reads from the journal is what this one said. */
  #checkRestart(): void {
    const { harness } = this.#broker
    const before = keptBy(this.#bystander)
    const { size } = harness.core.idempotency
    const again = harness.restart()
    must(again.core.idempotency.size === size, 'a restart loses or finds idempotency keys')
    const after = keptBy(new Client(again, 'bystander', ['admin']))
    must(isDeepStrictEqual(after, before), 'a restart changes tasks or the state')
  }

  #read(connection: string): void {
    this.#ledger.heard(connection, this.#broker.take(connection))
  }
}

function frameOf(piece: Buffer): Buffer {
  return piece.subarray(4, 4 + (piece.length >= 4 ? piece.readUInt16BE(2) : 0))
}

function restOf(piece: Buffer): Buffer {
  return piece.length >= 4 ? piece.subarray(4 + piece.readUInt16BE(2)) : Buffer.alloc(0)
}

function entriesOf(frames: readonly Buffer[]) {
  try {
    return decodeBundle(frames)
  } catch {
    return []
  }
}

function causeOf(fields: unknown): unknown {
  return (fields as { readonly err?: unknown }).err ?? new Error('a defect without a cause')
}

function keptBy(client: Client): unknown {
  const { tasks } = client.call('task.list', {})
  const { entries } = client.call('state.list', { values: true })
  return { tasks, entries }
}
