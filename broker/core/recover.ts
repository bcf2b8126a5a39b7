/**
 * A new life for a session whose process is gone, or the first of one that was only created: asked for by
 * session.recover, or by the next prompt.
 */
import { ProtocolError } from '../../protocol/errors.ts'
import type { Call } from './calls.ts'
import type { Core } from './core.ts'
import { hostAway } from './host-away.ts'
import { Story } from './lifecycle.ts'
import { isLive, type SessionRecord, type Wanted } from './sessions.ts'
import { type Starter, startOnHost } from './start.ts'

/** A recovery that is to be written and then started. */
export interface Recovery {
  readonly story: Story
  /** To be called when the story is on disk. */
  readonly start: (starter: Starter) => void
}

/**
 * Moves the session to `starting`, under its next epoch if it had one before. Throws WRONG_STATE, HOST_LOST,
 * NO_HOST, NO_BACKEND, AT_CAPACITY, HOST_DRAINING or NAME_TAKEN; then nothing has changed.
 */
export function beginRecovery(core: Core, record: SessionRecord): Recovery {
  const { session, status } = record
  if (isLive(record))
    throw new ProtocolError('WRONG_STATE', { session, status, action: 'recover it' })
  const host = nextHost(core, record)
  core.sessions.claimName(record.name, record.owner, record)
  record.host = host
  const isFirst = status === 'created'
  if (!isFirst) record.epoch += 1
  const { epoch } = record
  record.exit_code = null
  record.signal = ''
  core.streams.startEpoch(session)
  const story = new Story(core, record)
  story.move('starting', isFirst ? '' : 'recovering')
  const start = (starter: Starter): void => {
    story.publish()
    // Without a turn the CLI has no conversation to go on with.
    startOnHost({ core, call: starter, record, epoch, resume: record.turn > 0 })
  }
  return { story, start }
}

function nextHost(core: Core, record: SessionRecord): string {
  if (record.host === '') return placement(core, record, record.wanted ?? {})
  // The conversation is kept by the CLI on the machine where it ran, so the host stays the same.
  if (core.hosts.get(record.host)?.connection === undefined) throw hostAway(core, record)
  return placement(core, record, { host: record.host })
}

/** The id of the host that takes the session. Throws as `Hosts.place` does. */
export function placement(core: Core, { start }: SessionRecord, { host, labels }: Wanted): string {
  const request = {
    backend: start.backend,
    ...(host !== undefined && { host }),
    ...(labels && { labels }),
  }
  const used = core.sessions.usedPerHost()
  return core.hosts.place(request, (id) => used.get(id) ?? 0).id
}

type Recovered = (error: ProtocolError | undefined) => void

/** Sessions that prompts wait for; each is recovered once, however many prompts came. */
export class AutoRecovery {
  readonly #waiting = new Map<string, Recovered[]>()

  /** Whether the prompt has to wait for a new life of the session. */
  isDue({ session, status, recovery }: SessionRecord): boolean {
    if (status === 'created' || this.#waiting.has(session)) return true
    return recovery === 'auto' && status === 'failed'
  }

  /** Throws as `beginRecovery` does. */
  recover(core: Core, record: SessionRecord, call: Call<'session.prompt'>, done: Recovered): void {
    const { session } = record
    const others = this.#waiting.get(session)
    if (others) {
      others.push(done)
      return
    }
    const { story, start } = beginRecovery(core, record)
    this.#waiting.set(session, [done])
    const settle = (error: ProtocolError | undefined): void => this.#settle(session, error)
    const starter: Starter = {
      trace: call.trace,
      remainingMs: () => call.remainingMs(),
      // Others may wait for it by then.
      isCancelled: () => false,
      onCancel: () => {},
      reply: () => settle(undefined),
      fail: settle,
    }
    core.batch.add(story.operations(), (error) => {
      if (error) settle(ProtocolError.from(error, 'broker', 'no'))
      else start(starter)
    })
  }

  #settle(session: string, error: ProtocolError | undefined): void {
    const waiting = this.#waiting.get(session) ?? []
    this.#waiting.delete(session)
    for (const done of waiting) done(error)
  }
}
