/** The questions of agents: a list of those that wait, their answers, and a watch that misses none. */
import { type ErrorCode, ProtocolError } from '../../protocol/errors.ts'
import type { ApprovalDecision } from '../../protocol/messages/chunk.ts'
import type { BrokerMethod, Params, Result } from '../../protocol/methods/index.ts'
import type { ApprovalInfo, ApprovalState } from '../../protocol/methods/types.ts'
import { type CallOptions, cancelled } from './caller.ts'

export interface ApprovalFilter {
  /** Id, name or beginning of the id of a session; default: all sessions. */
  readonly session?: string | undefined
  /** Default: those that are pending. */
  readonly state?: readonly ApprovalState[] | undefined
}

export interface ApprovalReply {
  readonly decision: ApprovalDecision
  /** With a denial: what the agent is told. */
  readonly message?: string | undefined
  /** With a denial: the turn ends as well. */
  readonly interrupt?: boolean | undefined
}

export interface WatchOptions {
  readonly session?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface ApprovalPorts {
  call<M extends BrokerMethod>(
    method: M,
    params: Params<M>,
    options?: CallOptions,
  ): Promise<Result<M>>
  readonly pause: (ms: number, signal?: AbortSignal) => Promise<void>
}

/** How long the broker keeps one call open, ms; what sits between may drop what is silent for a minute. */
const WAIT_MS = 25_000
/** A call has this much time beyond its wait, ms: a broker that restarts takes seconds. */
const PATIENCE_MS = 10_000
/** Between attempts while there is no broker, ms. */
const AGAIN_MS = 500

/** What a watch sits out: the broker is away, restarting, or has its hands full. */
const PASSING: ReadonlySet<ErrorCode> = new Set([
  'DEADLINE_EXCEEDED',
  'UNREACHABLE',
  'OVERLOADED',
  'DRAINING',
  'NOT_WELCOME',
])

/** All that fit, those that changed last at the end. */
export async function listApprovals(
  ports: ApprovalPorts,
  filter: ApprovalFilter,
  options: CallOptions,
): Promise<ApprovalInfo[]> {
  const all: ApprovalInfo[] = []
  let since = 0
  for (;;) {
    const page = await ports.call('approval.list', pageParams(filter, since), options)
    all.push(...page.approvals)
    if (!page.more) return all
    since = page.cursor
  }
}

function pageParams({ session, state = ['pending'] }: ApprovalFilter, since: number) {
  return { changed_since: since, state: [...state], ...(session !== undefined && { session }) }
}

/**
 * Those that wait now, then every change of any of them, each once, through reconnects and restarts of the
 * broker. Endless: ends when its signal aborts, with CANCELLED, or when the client is closed.
 */
export async function* watchApprovals(
  ports: ApprovalPorts,
  { session, signal }: WatchOptions,
): AsyncGenerator<ApprovalInfo, never> {
  const of = session === undefined ? {} : { session }
  let state: { state?: ['pending'] } = { state: ['pending'] } // what was settled before is no news
  let since = 0
  for (;;) {
    const wait = 'state' in state ? {} : { wait_ms: WAIT_MS }
    const params = { ...of, ...state, ...wait, changed_since: since }
    const page = await patiently(ports, signal, () =>
      ports.call('approval.list', params, { signal, deadlineMs: WAIT_MS + PATIENCE_MS }),
    )
    yield* page.approvals
    since = page.cursor
    if (!page.more) state = {}
  }
}

async function patiently<T>(
  ports: ApprovalPorts,
  signal: AbortSignal | undefined,
  ask: () => Promise<T>,
): Promise<T> {
  for (;;) {
    try {
      return await ask()
    } catch (thrown) {
      if (!(thrown instanceof ProtocolError) || !PASSING.has(thrown.code)) throw thrown
      await ports.pause(AGAIN_MS, signal).catch((reason: unknown) => {
        throw signal?.aborted ? cancelled(signal, 'no') : reason
      })
    }
  }
}
