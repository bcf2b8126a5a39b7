/** What happened in a run as seen from everywhere, and the promises that can be checked while it happens. */
import type { StreamItem } from '../../clients/sdk/stream-item.ts'
import type { Message } from '../../protocol/bundle.ts'
import { decodeBody } from '../../protocol/codec.ts'
import { ErrorBody } from '../../protocol/messages/calls.ts'
import type { Head } from '../../protocol/messages/index.ts'
import type { Scheduler } from './scheduler.ts'
import type { AgentWatch, SimAgent } from './sim-agent.ts'
import type { BrokerWatch } from './sim-broker.ts'
import type { CallRecord, ClientWatch, ReaderRecord, SimClient } from './sim-client.ts'
import type { Ledger } from './sim-journal.ts'
import type { Violations } from './violations.ts'

export class History implements AgentWatch, BrokerWatch, ClientWatch {
  readonly agents: SimAgent[] = []
  /** Agents that ran a prompt, by prompt. */
  readonly runs = new Map<string, SimAgent[]>()
  /** The answer that an agent heard, by question. */
  readonly heardAnswers = new Map<string, string>()
  readonly calls: CallRecord[] = []
  readonly readers: ReaderRecord[] = []
  readonly sessions = new Set<string>()
  /** How calls ended, what the broker logged and complained of: shows what a run has reached. */
  readonly tally: Record<string, number> = {}
  readonly #scheduler: Scheduler
  readonly #violations: Violations
  readonly #ledger: Ledger
  readonly #leases = new Map<string, SimAgent>()
  /** Ends that were told, by connection and request. */
  readonly #ends = new Map<string, { count: number; isCancelled: boolean }>()

  constructor(scheduler: Scheduler, violations: Violations, ledger: Ledger) {
    this.#scheduler = scheduler
    this.#violations = violations
    this.#ledger = ledger
  }

  began(agent: SimAgent): void {
    const { session, epoch, place } = agent
    this.#scheduler.trace(`agent ${agent.pid} begins ${short(session)}/${epoch} on ${place.host}`)
    const lease = `${session}/${epoch}`
    const other = this.#leases.get(lease)
    this.#violations.check(other === undefined, () => `lease ${lease} began twice`)
    this.#leases.set(lease, agent)
    this.agents.push(agent)
  }

  ran(agent: SimAgent, prompt: string): void {
    this.#scheduler.trace(`agent ${agent.pid} runs ${prompt}`)
    const runs = this.runs.get(prompt) ?? []
    this.#violations.check(
      runs.length === 0,
      () => `prompt ${prompt} ran again, on agent ${agent.pid}`,
    )
    this.runs.set(prompt, [...runs, agent])
  }

  heard(agent: SimAgent, question: string, decision: string): void {
    this.#scheduler.trace(`agent ${agent.pid} hears ${decision} to ${question}`)
    this.#violations.check(
      !this.heardAnswers.has(question),
      () => `question ${question} was answered again, with ${decision}`,
    )
    this.heardAnswers.set(question, decision)
    this.#count('answers heard')
  }

  took(connection: string, { head }: Message): void {
    if (head.kind === 'REQUEST') {
      this.#scheduler.trace(`${connection} asks ${head.id} ${head.method} key ${head.key}`)
      this.#ends.set(`${connection} ${head.id}`, { count: 0, isCancelled: false })
    } else if (head.kind === 'CANCEL') {
      const ends = this.#ends.get(`${connection} ${head.id}`)
      if (ends) ends.isCancelled = true
    } else if (head.kind === 'APPEND') {
      const { session, epoch, sequence } = head
      this.#scheduler.trace(`${connection} appends ${short(session)}/${epoch} ${sequence}`)
    }
  }

  said(connection: string, head: Head, body: Buffer): void {
    if (!('id' in head) || typeof head.id !== 'string') {
      if (head.kind === 'APPENDED') this.#acknowledged(head.session, head.sequence)
      return
    }
    this.#scheduler.trace(`broker says ${head.kind} ${head.id} to ${connection}`)
    if (head.kind !== 'REPLY' && head.kind !== 'ERROR') return
    if (head.kind === 'ERROR' && head.id === '') this.#complained(body)
    const ends = this.#ends.get(`${connection} ${head.id}`)
    if (!ends) return
    ends.count += 1
    this.#violations.check(
      ends.count === 1 || ends.isCancelled,
      () => `request ${head.id} of ${connection} ended ${ends.count} times`,
    )
  }

  #complained(body: Buffer): void {
    this.#count(`says ${decodeBody(ErrorBody, body).code}`)
  }

  #count(event: string): void {
    this.tally[event] = (this.tally[event] ?? 0) + 1
  }

  #acknowledged(session: string, sequence: number): void {
    this.#scheduler.trace(`broker acknowledges ${short(session)} ${sequence}`)
    const isDurable =
      sequence === 0 || this.#ledger.of(session).some((chunk) => chunk.producerSequence >= sequence)
    this.#violations.check(isDurable, () => `${session} ${sequence} acknowledged, not durable`)
  }

  published(messages: readonly Message[]): void {
    for (const { head } of messages) {
      if (head.kind !== 'CHUNK') continue
      const durable = this.#ledger.of(head.session).length
      this.#violations.check(
        head.sequence <= durable,
        () => `chunk ${head.sequence} of ${head.session} published, ${durable} durable`,
      )
    }
  }

  logged(event: string, fields: Readonly<Record<string, unknown>>): void {
    this.#scheduler.trace(`log ${event}`)
    this.#count(event)
    if (event !== 'defect') return
    const { cause } = fields
    const why = cause instanceof Error ? (cause.stack ?? cause.message) : JSON.stringify(fields)
    this.#violations.add(`defect in the broker: ${why}`)
  }

  called(call: CallRecord): void {
    this.calls.push(call)
  }

  ended(client: SimClient, call: CallRecord): void {
    const how = call.error ? `${call.error.code} executed ${call.error.executed}` : 'ok'
    this.#scheduler.trace(`${client.life.name} ends ${call.method} ${call.key} ${how}`)
    this.#count(call.error?.code ?? 'ok')
    this.#violations.check(call.ends === 1, () => `call ${call.key} ended ${call.ends} times`)
    this.#violations.check(
      call.error?.code !== 'INTERNAL',
      () => `call ${call.key} ended with ${call.error?.message} ${call.error?.stack}`,
    )
    if (call.result && 'epoch' in call.result && 'session' in call.result) {
      this.sessions.add(String(call.result.session))
    }
  }

  read(reader: ReaderRecord, item: StreamItem): void {
    const before = reader.items.at(-2)
    const expected = before ? lastOf(before) + 1 : reader.from
    const seq = item.type === 'gap' ? item.from : item.seq
    this.#violations.check(
      seq === expected,
      () => `${reader.client} reads ${item.type} ${seq} of ${reader.session}, not ${expected}`,
    )
    if (item.type !== 'gap') return
    this.#count('gap told')
    const floor = this.#ledger.floorOf(reader.session)
    this.#violations.check(
      item.reason === 'retention' && item.to < floor,
      () =>
        `${reader.client} is told of a gap ${item.from}-${item.to} (${item.reason}) at ${floor}`,
    )
  }

  readerEnded(reader: ReaderRecord, thrown: unknown): void {
    const why = thrown instanceof Error ? thrown.message : String(thrown)
    this.#violations.add(`${reader.client} can no longer read ${reader.session}: ${why}`)
  }
}

/** The last sequence that an item covers. */
export function lastOf(item: StreamItem): number {
  return item.type === 'gap' ? item.to : item.seq
}

export function short(session: string): string {
  return session.slice(0, 6)
}
