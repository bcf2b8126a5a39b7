/** Workflows on the core harness: an agent that answers each prompt, and looks at what came of it. */
import { decodeTrusted } from '../../protocol/codec.ts'
import { CHUNK_CODES, type ChunkBody } from '../../protocol/messages/chunk.ts'
import type { Params } from '../../protocol/methods/index.ts'
import type { WorkflowInfo } from '../../protocol/methods/workflow.ts'
import type { CoreHarness } from './core-harness.ts'
import type { Client, Host } from './core-peers.ts'

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

export function statuses({ steps }: WorkflowInfo): Record<string, string> {
  return Object.fromEntries(steps.map(({ id, status }) => [id, status]))
}

export function infoOf(client: Client, execution: string): WorkflowInfo {
  return client.call('workflow.get', { execution })
}
