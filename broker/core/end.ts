/** Ends the process of a session on its host, for session.stop, session.kill and stops that were cut short. */
import type { ProtocolError } from '../../protocol/errors.ts'
import type { Core } from './core.ts'
import type { Host } from './hosts.ts'
import { goneStory, type Story, sessionGone } from './lifecycle.ts'
import { isLive, type SessionRecord } from './sessions.ts'

export interface End {
  readonly record: SessionRecord
  readonly epoch: number
  readonly method: 'agent.stop' | 'agent.kill'
  /** Time the host has, ms; default: that of any request. */
  readonly remainingMs?: number
  readonly trace?: string
}

/** `done` gets the error, if there is one: a host that has nothing under this lease has done its part. */
export function endOnHost(
  core: Core,
  host: Host,
  { record, epoch, method, remainingMs = 0, trace = '' }: End,
  done: (error: ProtocolError | undefined) => void,
): void {
  const { session } = record
  core.hostCalls.request(
    host,
    { method, params: { session, epoch }, remainingMs, trace },
    (answer) => {
      if (answer.ok || !isNotThere(answer.error)) {
        done(answer.ok ? undefined : answer.error)
        return
      }
      if (isLive(record) && record.epoch === epoch) sessionGone(core, record, answer.error.message)
      done(undefined)
    },
  )
}

/**
 * The end of a session whose process nobody can reach, so it may still run. Its lease is over: a host
 * that comes back with it is told not to keep it, and ends it then.
 */
export function endAway(core: Core, record: SessionRecord, reason: string): Story {
  record.epoch += 1
  return goneStory(core, record, `${reason} while its host was away`)
}

function isNotThere({ code }: ProtocolError): boolean {
  return code === 'AGENT_GONE' || code === 'FENCED'
}
