/** Workflows on the core harness: an agent that answers each prompt, and looks at what came of it. */
import { decodeTrusted, encode } from '../../protocol/codec.ts'
import { CHUNK_CODES, type ChunkBody, type ChunkType } from '../../protocol/messages/chunk.ts'
import type { Params } from '../../protocol/methods/index.ts'
import type { WorkflowInfo } from '../../protocol/methods/workflow.ts'
import type { CoreHarness } from './core-harness.ts'
import { type Client, Host } from './core-peers.ts'

type Steps = Params<'workflow.execute'>['steps']

/** A step that starts a session of its own. */
export const own = (id: string, prompt: string, more: Partial<Steps[number]> = {}) => ({
  ...{ id, prompt, start: { backend: 'demo' } },
  ...more,
})

/** a, then b and c, then d, then e. */
export const FORK_AND_JOIN: Steps = [
  own('a', 'first {{inputs.what}}'),
  own('b', 'left of {{steps.a.output}}', { needs: ['a'] }),
  own('c', 'right of {{steps.a.output}}', { needs: ['a'] }),
  own('d', '{{steps.b.output}} and {{steps.c.output}}', { needs: ['b', 'c'] }),
  own('e', 'end of {{steps.d.output}}', { needs: ['d'] }),
]

/** What every session has been asked, by what is in the streams on disk. */
export function prompts(harness: CoreHarness): string[] {
  return [...harness.journal.entries('sessions')]
    .flatMap(({ key }) => harness.stored(key))
    .filter(({ type }) => type === CHUNK_CODES.prompt)
    .map(({ body }) => (decodeTrusted(body) as ChunkBody<'prompt'>).text)
}

/** Names of the events of one execution, in order, with the step where they have one. */
export function tidings(harness: CoreHarness, execution: string): string[] {
  return harness.stored(`@workflow/${execution}`).map(({ body }) => {
    const { event, data } = decodeTrusted(body) as ChunkBody<'event'>
    return typeof data['step'] === 'string' ? `${event} ${data['step']}` : event
  })
}

/** Prompts that the host was given and has not answered yet. */
export class Answerer {
  readonly #host: Host
  #seen = 0

  constructor(host: Host) {
    this.#host = host
  }

  /** The next prompts. */
  take() {
    const asked = this.#host.history
      .slice(this.#seen)
      .filter(({ method }) => method === 'agent.prompt')
      .map(({ params }) => params as Params<'agent.prompt'>)
    this.#seen = this.#host.history.length
    return asked
  }

  /** Answers all that come, until none does: `<prompt>`. */
  answerAll(): void {
    for (let asked = this.take(); asked.length > 0; asked = this.take()) {
      for (const { session, turn, text } of asked) {
        this.#host.append(session, 'text', { content: `<${text}>` }, { turn })
        this.#host.endTurn(session, turn)
      }
    }
  }
}

interface Process {
  readonly session: string
  readonly epoch: number
  turn: number
  produced: number
  hasEnded: boolean
  kept: {
    readonly sequence: number
    readonly turn: number
    readonly type: number
    readonly body: Buffer
  }[]
}

/** A host that outlives brokers: it keeps its agents and what was not acknowledged, and answers `<prompt>`. */
export class LivingHost {
  readonly #processes = new Map<string, Process>()
  #link: Host
  #done = 0

  constructor(harness: CoreHarness) {
    this.#link = new Host(harness)
    this.#link.register()
  }

  /** What it was asked for and has not looked at is lost with the connection. */
  moveTo(harness: CoreHarness): void {
    this.#acknowledge()
    this.#link = new Host(harness)
    this.#done = 0
    const report = [...this.#processes.values()].map(
      ({ session, epoch, produced, turn, hasEnded }) => ({
        ...{ session, epoch, produced, turn },
        pid: hasEnded ? null : 4711,
      }),
    )
    for (const { session, keep, acknowledged } of this.#link.register(...report).sessions) {
      const process = this.#processes.get(session)
      if (!keep) this.#processes.delete(session)
      else if (process)
        process.kept = process.kept.filter(({ sequence }) => sequence > acknowledged)
    }
    for (const process of this.#processes.values()) {
      for (const kept of process.kept) this.#send(process, kept)
    }
  }

  /** Does what it was asked for since the last time. False when that is nothing. */
  work(): boolean {
    const asked = this.#link.history.slice(this.#done)
    this.#done = this.#link.history.length
    for (const { method, params } of asked) this.#do(method, params)
    this.#acknowledge()
    return asked.length > 0
  }

  #do(method: string, params: Record<string, unknown>): void {
    const session = String(params['session'])
    const process = this.#processes.get(session)
    if (method === 'agent.start') {
      const rest = { turn: 0, produced: 0, hasEnded: false, kept: [] }
      this.#processes.set(session, { session, epoch: Number(params['epoch']), ...rest })
    } else if (method === 'agent.prompt' && process && Number(params['turn']) > process.turn) {
      process.turn = Number(params['turn'])
      this.#produce(process, 'text', { content: `<${String(params['text'])}>` })
      this.#produce(process, 'turn_complete', { turn_number: process.turn, reason: 'end_turn' })
    } else if (method === 'agent.stop' && process && !process.hasEnded) {
      process.hasEnded = true
      this.#produce(process, 'complete', { exit_code: 0, session_id: session })
    }
  }

  #produce<T extends ChunkType>(process: Process, type: T, body: ChunkBody<T>): void {
    process.produced += 1
    const turn = type === 'complete' ? 0 : process.turn
    const { produced: sequence } = process
    const chunk = { sequence, turn, type: CHUNK_CODES[type], body: encode(body) }
    process.kept.push(chunk)
    this.#send(process, chunk)
  }

  #send({ session, epoch }: Process, { body, ...chunk }: Process['kept'][number]): void {
    this.#link.send([{ kind: 'APPEND', session, epoch, ...chunk }, body])
  }

  #acknowledge(): void {
    for (const { session, epoch, sequence } of this.#link.heads('APPENDED')) {
      const process = this.#processes.get(session)
      if (process?.epoch !== epoch) continue
      process.kept = process.kept.filter((kept) => kept.sequence > sequence)
      if (process.hasEnded && process.kept.length === 0) this.#processes.delete(session)
    }
  }

  /** Sends again what a full disk has refused. */
  resend(): void {
    this.#acknowledge()
    for (const process of this.#processes.values()) {
      for (const kept of process.kept) this.#send(process, kept)
    }
  }
}

export function statuses({ steps }: WorkflowInfo): Record<string, string> {
  return Object.fromEntries(steps.map(({ id, status }) => [id, status]))
}

export function infoOf(client: Client, execution: string): WorkflowInfo {
  return client.call('workflow.get', { execution })
}
