/**
 * The host of the chaos test. It keeps what a real one keeps: its processes, their chunks until they
 * are acknowledged, and the turns that it has taken; and it sends again what was not acknowledged.
 */
import assert from 'node:assert/strict'
import { decodeBody, decodeTrusted, encode } from '../../protocol/codec.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { CHUNK_CODES, type ChunkBody, type ChunkType } from '../../protocol/messages/chunk.ts'
import { type HostMethod, METHODS } from '../../protocol/methods/index.ts'
import type { CoreHarness } from './core-harness.ts'
import { Host } from './core-peers.ts'

interface Kept {
  readonly sequence: number
  readonly turn: number
  readonly type: number
  readonly body: Buffer
}

interface Process {
  readonly session: string
  readonly epoch: number
  readonly texts: string[]
  kept: Kept[]
  produced: number
  turn: number
  open: number[]
  isPaused: boolean
  hasEnded: boolean
}

const HELD: readonly HostMethod[] = [
  'agent.start',
  'agent.prompt',
  'agent.interrupt',
  'agent.stop',
  'agent.kill',
  'agent.pause',
  'agent.resume',
  'agent.set_mode',
]

export class ChaosHost {
  readonly #harness: CoreHarness
  readonly #processes = new Map<string, Process>()
  #link: Host | undefined
  /** How much of what the link has received was looked at. */
  #seen = 0
  #texts = 0

  constructor(harness: CoreHarness) {
    this.#harness = harness
  }

  lives(session: string, epoch: number): boolean {
    const found = this.#processes.get(session)
    return found?.epoch === epoch && !found.hasEnded
  }

  /** Sessions whose process runs. */
  running(): string[] {
    const all = [...this.#processes.values()]
    return all.filter(({ hasEnded }) => !hasEnded).map(({ session }) => session)
  }

  vanish(): void {
    this.#listen()
    this.#link?.leave()
    this.#link = undefined
  }

  comeBack(): void {
    if (this.#link) return
    this.#link = new Host(this.#harness, 'h1', { holds: HELD })
    this.#seen = 0
    const report = [...this.#processes.values()].map((process) => {
      const { session, epoch, produced, turn, isPaused, hasEnded } = process
      const paused = isPaused ? ('hold' as const) : ('' as const)
      return { session, epoch, produced, turn, paused, pid: hasEnded ? null : 4711 }
    })
    for (const { session, keep, acknowledged } of this.#link.register(...report).sessions) {
      if (keep) this.#acknowledged(session, acknowledged)
      else this.#processes.delete(session)
    }
    this.resend()
  }

  /** Acts on the oldest request; now and then it refuses. False when it was asked for nothing. */
  answerOne(choice: number): boolean {
    this.#listen()
    const [asked] = this.#link?.asked ?? []
    if (!this.#link || !asked) return false
    const method = asked.head.method as HostMethod
    if (choice % 7 === 6 && method !== 'agent.stop' && method !== 'agent.kill') {
      this.#link.refuse(method, 'NOT_ALLOWED')
    } else this.#act(this.#link, method, asked.body)
    return true
  }

  #act(link: Host, method: HostMethod, body: Buffer): void {
    const { session, epoch } = decodeBody(METHODS['agent.stop'].params, body)
    const refusal = method === 'agent.start' ? undefined : this.#refusal(session, epoch)
    if (refusal) {
      link.refuse(method, refusal)
      return
    }
    if (method === 'agent.start') this.#start(session, epoch, body)
    else if (method === 'agent.prompt') {
      this.#take(session, decodeBody(METHODS[method].params, body).turn)
    } else if (method === 'agent.pause' || method === 'agent.resume') {
      this.#pause(session, method === 'agent.pause')
    } else if (method === 'agent.stop' || method === 'agent.kill') this.#exit(session)
    link.answer(method)
  }

  #refusal(session: string, epoch: number): 'AGENT_GONE' | 'FENCED' | undefined {
    const process = this.#processes.get(session)
    if (!process || process.hasEnded) return 'AGENT_GONE'
    return process.epoch === epoch ? undefined : 'FENCED'
  }

  #start(session: string, epoch: number, body: Buffer): void {
    const { turn } = decodeBody(METHODS['agent.start'].params, body)
    const fresh = { kept: [], produced: 0, open: [], texts: [], isPaused: false, hasEnded: false }
    this.#processes.set(session, { session, epoch, turn, ...fresh })
  }

  #pause(session: string, isPaused: boolean): void {
    const process = this.#processes.get(session)
    if (process) process.isPaused = isPaused
  }

  isPaused(session: string): boolean {
    return this.#processes.get(session)?.isPaused === true
  }

  #take(session: string, turn: number): void {
    const process = this.#processes.get(session)
    if (!process || turn <= process.turn) return
    process.turn = turn
    process.open.push(turn)
  }

  #one(choice: number): Process | undefined {
    const all = [...this.#processes.values()].filter(({ hasEnded }) => !hasEnded)
    return all[choice % Math.max(1, all.length)]
  }

  produceText(choice: number): void {
    const process = this.#one(choice)
    if (!process) return
    this.#texts += 1
    process.texts.push(`text ${this.#texts}`)
    this.#produce(process, 'text', { content: `text ${this.#texts}` }, process.open[0] ?? 0)
  }

  finishTurn(choice: number): void {
    const process = this.#one(choice)
    const turn = process?.open.shift()
    if (!process || turn === undefined) return
    this.#produce(process, 'turn_complete', { turn_number: turn, reason: 'end_turn' }, turn)
  }

  endOne(choice: number): void {
    const process = this.#one(choice)
    if (process) this.#exit(process.session)
  }

  #exit(session: string): void {
    const process = this.#processes.get(session)
    if (!process || process.hasEnded) return
    process.hasEnded = true
    this.#produce(process, 'complete', { exit_code: 0, session_id: session }, 0)
  }

  #produce<T extends ChunkType>(process: Process, type: T, body: ChunkBody<T>, turn: number): void {
    process.produced += 1
    const kept = { sequence: process.produced, turn, type: CHUNK_CODES[type], body: encode(body) }
    process.kept.push(kept)
    this.#send(process, kept)
  }

  #send({ session, epoch }: Process, { body, ...chunk }: Kept): void {
    this.#link?.send([{ kind: 'APPEND', session, epoch, ...chunk }, body])
  }

  sendHole(choice: number): void {
    const process = this.#one(choice)
    if (!process) return
    const body = encode({ content: 'from nowhere' })
    const sequence = process.produced + 2
    this.#send(process, { sequence, turn: 0, type: CHUNK_CODES.text, body })
  }

  resend(): void {
    this.#listen()
    for (const process of this.#processes.values()) {
      for (const kept of process.kept) this.#send(process, kept)
    }
    this.#listen()
  }

  /** Acknowledgements, and sessions that are fenced. */
  #listen(): void {
    const news = this.#link?.received.slice(this.#seen) ?? []
    this.#seen += news.length
    for (const { head, body } of news) {
      if (head.kind === 'APPENDED') {
        if (this.#processes.get(head.session)?.epoch === head.epoch) {
          this.#acknowledged(head.session, head.sequence)
        }
      } else if (head.kind === 'ERROR' && head.id === '') {
        const { code, details } = ProtocolError.fromWire(decodeTrusted(body) as never)
        if (code === 'FENCED') this.#fenced(String(details['session']), Number(details['epoch']))
      }
    }
  }

  #fenced(session: string, epoch: number): void {
    if (this.#processes.get(session)?.epoch === epoch) this.#processes.delete(session)
  }

  #acknowledged(session: string, sequence: number): void {
    const process = this.#processes.get(session)
    if (!process) return
    process.kept = process.kept.filter((kept) => kept.sequence > sequence)
    if (process.hasEnded && process.kept.length === 0) this.#processes.delete(session)
  }

  /** Everything that a living process wrote is in its stream once, in order. */
  checkDelivered(): void {
    this.#listen()
    for (const { session, texts, kept } of this.#processes.values()) {
      assert.deepEqual(kept, [], 'chunks were never acknowledged')
      const stored = this.#harness
        .stored(session)
        .filter(({ type }) => type === CHUNK_CODES.text)
        .map(({ body }) => (decodeTrusted(body) as ChunkBody<'text'>).content)
      assert.deepEqual(stored.slice(-texts.length || stored.length), texts)
    }
  }
}
