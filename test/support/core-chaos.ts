/**
 * Random clients, a host with a memory of its own and a disk that comes and goes, around one core; and
 * what must hold after every step. Throws with the first promise that is broken.
 */
import assert from 'node:assert/strict'
import { isLive, type SessionRecord } from '../../broker/core/sessions.ts'
import type { BrokerMethod, Params } from '../../protocol/methods/index.ts'
import { ChaosHost } from './core-chaos-host.ts'
import { CoreHarness } from './core-harness.ts'
import { Client, demo } from './core-peers.ts'

interface Asked {
  readonly client: Client
  readonly id: string
}

type Step = (chaos: Chaos, choice: number) => void

const ask =
  <M extends BrokerMethod>(method: M, params: (session: string) => Params<M>): Step =>
  (chaos, choice) =>
    chaos.ask(method, params(chaos.session(choice)), choice)

const STEP_TABLE = {
  create: ask('session.create', () => demo),
  prompt: ask('session.prompt', (session) => ({ session, text: 'do' })),
  stop: ask('session.stop', (session) => ({ session })),
  kill: ask('session.kill', (session) => ({ session })),
  interrupt: ask('session.interrupt', (session) => ({ session })),
  recover: ask('session.recover', (session) => ({ session })),
  pause: ask('session.pause', (session) => ({ session })),
  resume: ask('session.resume', (session) => ({ session })),
  mode: ask('session.set_mode', (session) => ({ session, mode: 'plan' })),
  rename: ask('session.rename', (session) => ({ session, name: 'anna' })),
  remove: ask('session.remove', (session) => ({ session, force: true })),
  open: (chaos, choice) => chaos.subscribe(chaos.session(choice)),
  cancel: (chaos, choice) => chaos.cancel(choice),
  answer: (chaos, choice) => chaos.host.answerOne(choice),
  text: (chaos, choice) => chaos.host.produceText(choice),
  turnEnd: (chaos, choice) => chaos.host.finishTurn(choice),
  exit: (chaos, choice) => chaos.host.endOne(choice),
  resend: (chaos) => chaos.host.resend(),
  hole: (chaos, choice) => chaos.host.sendHole(choice),
  commit: (chaos) => chaos.harness.commit(),
  settle: (chaos) => chaos.harness.settle(),
  full: (chaos) => {
    chaos.harness.journal.isFull = !chaos.harness.journal.isFull
  },
  time: (chaos, choice) => chaos.harness.advance(50 * (choice % 40)),
  clientGone: (chaos, choice) => chaos.replaceClient(choice),
  hostGone: (chaos) => chaos.host.vanish(),
  hostBack: (chaos) => chaos.host.comeBack(),
} satisfies Record<string, Step>

export type StepName = keyof typeof STEP_TABLE
export const STEPS = Object.keys(STEP_TABLE) as StepName[]

export class Chaos {
  readonly harness: CoreHarness
  readonly host: ChaosHost
  readonly #clients: Client[]
  readonly #asked: Asked[] = []
  #published = 0

  constructor(seed: number) {
    this.harness = new CoreHarness({ seed, durability: 'manual' })
    this.host = new ChaosHost(this.harness)
    this.#clients = [new Client(this.harness), new Client(this.harness)]
    this.host.comeBack()
  }

  step(name: StepName, choice: number): void {
    const step: Step = STEP_TABLE[name]
    step(this, choice)
    this.#check()
  }

  session(choice: number): string {
    const all = [...this.harness.core.sessions.all()]
    return all[choice % Math.max(1, all.length)]?.session ?? 'nobody'
  }

  #client(choice: number): Client {
    const client = this.#clients[choice % this.#clients.length]
    assert.ok(client)
    return client
  }

  ask<M extends BrokerMethod>(method: M, params: Params<M>, choice: number): void {
    const client = this.#client(choice)
    const key = choice % 3 === 0 ? `key ${choice % 5}` : ''
    this.#asked.push({ client, id: client.ask(method, params, { key }) })
  }

  cancel(choice: number): void {
    const asked = this.#asked[choice % Math.max(1, this.#asked.length)]
    // A late one is answered by an ERROR of its own.
    if (asked && this.#isHere(asked) && !asked.client.hasEnd(asked.id))
      asked.client.cancel(asked.id)
  }

  subscribe(session: string): void {
    if (!this.harness.core.sessions.get(session)) return
    const { ticket } = this.#client(0).call('stream.open', { session })
    if (this.harness.core.tickets.redeem(ticket)) this.harness.core.subscribed(ticket)
  }

  replaceClient(choice: number): void {
    this.#client(choice).leave()
    this.#clients[choice % this.#clients.length] = new Client(this.harness)
  }

  #isHere({ client }: Asked): boolean {
    return this.#clients.includes(client)
  }

  #check(): void {
    for (const { client, id } of this.#asked) {
      const ends = client.kindsOf(id).filter((kind) => kind !== 'ACCEPTED')
      assert.ok(ends.length <= 1, `request ${id} has ${ends.length} ends`)
    }
    for (const record of this.harness.core.sessions.all()) checkRecord(record)
    this.#checkStreams()
  }

  #checkStreams(): void {
    for (; this.#published < this.harness.published.length; this.#published += 1) {
      const head = this.harness.published[this.#published]?.message.head
      if (head?.kind !== 'CHUNK' || !this.harness.core.sessions.get(head.session)) continue
      const found = this.harness.stored(head.session).some((one) => one.sequence === head.sequence)
      assert.ok(found, `chunk ${head.sequence} was published and is not on disk`)
    }
    for (const { session } of this.harness.core.sessions.all()) {
      const sequences = this.harness.stored(session).map(({ sequence }) => sequence)
      const whole = Array.from(sequences, (_, index) => index + 1)
      assert.deepEqual(sequences, whole, 'the stream has a hole')
    }
  }

  /** The disk heals, the host is there and answers: now everything must come to rest. */
  end(): void {
    this.harness.journal.isFull = false
    this.host.comeBack()
    for (let round = 0; round < 8; round += 1) {
      while (this.host.answerOne(0) || !this.harness.core.batch.isIdle) this.harness.commit()
      this.host.resend()
      this.harness.settle()
      this.harness.advance(1000)
    }
    this.#check()
    this.#checkRest()
    this.host.checkDelivered()
  }

  #checkRest(): void {
    const { calls, hostCalls, redo, sessions, journal } = this.harness.core
    assert.deepEqual([calls.inFlight, hostCalls.inFlight, redo.size], [0, 0, 0])
    for (const asked of this.#asked) {
      const { client, id } = asked
      if (this.#isHere(asked)) assert.ok(client.hasEnd(id), `request ${id} has no end`)
      assert.equal(calls.inFlightOf(client.connection), 0)
    }
    assert.equal([...journal.entries('sessions')].length, sessions.size)
    for (const session of this.host.running()) {
      assert.ok(sessions.get(session), 'a process of a session that was removed')
    }
    for (const record of sessions.all()) {
      assert.ok(!['starting', 'stopping', 'lost'].includes(record.status), `stuck ${record.status}`)
      assert.equal(this.host.lives(record.session, record.epoch), isLive(record), record.status)
      assert.equal(this.host.isPaused(record.session) && isLive(record), record.paused !== '')
      assert.deepEqual(stored(journal.get('sessions', record.session)), stored(record))
    }
  }
}

/** What of a record is never ahead of the disk: counts and marks of the broker's own may be. */
function stored(value: unknown) {
  const { kept: _, open, ...rest } = value as SessionRecord
  return { ...rest, open: open.map(({ turn, sequence }) => ({ turn, sequence })) }
}

function checkRecord({ status, open }: SessionRecord): void {
  if (status === 'running') assert.ok(open.length > 0, 'running without a turn')
  if (['starting', 'idle', 'ended', 'failed'].includes(status)) {
    assert.deepEqual(open, [], `${status} with an open turn`)
  }
}
