/** Carries out a method as a part of another call: what it persists is durable, its end is the caller's. */
import { ProtocolError } from '../../protocol/errors.ts'
import type { BrokerMethod, Params } from '../../protocol/methods/index.ts'
import { askedBy, targetOf } from './audit/asked.ts'
import type { Asked } from './audit/entry.ts'
import type { Call } from './calls.ts'
import type { Core } from './core.ts'
import type { Operation } from './events.ts'

/** Called once, with the error if there was one. */
export type SubCallDone = (error: ProtocolError | undefined) => void

/** On whose behalf it is carried out. */
export type Parent = Pick<
  Call<BrokerMethod>,
  'identity' | 'connection' | 'trace' | 'remainingMs' | 'isCancelled' | 'isAbandoned'
> & {
  /** What it is a part of, for the audit log: a method, or the id of a workflow. */
  readonly within: string
}

/** On behalf of whoever made this call. */
export function partOf(call: Call<BrokerMethod>): Parent {
  const { identity, connection, trace, method } = call
  return {
    ...{ identity, connection, trace, within: method },
    remainingMs: () => call.remainingMs(),
    isCancelled: () => call.isCancelled(),
    isAbandoned: () => call.isAbandoned(),
  }
}

/** Adds what is persisted to the journal, with more that has to be written together with it. */
export type Join = (
  operations: readonly Operation[],
  settled: (error: Error | undefined) => void,
) => void

/** Runs the handler; what it throws is the end, as it is for a call of its own. */
export function subCall<M extends BrokerMethod>(
  core: Core,
  parent: Parent,
  { method, params }: { readonly method: M; readonly params: Params<M> },
  handler: (core: Core, call: Call<M>) => void,
  done: SubCallDone,
  join: Join = (operations, settled) => core.batch.add(operations, settled),
): void {
  const { identity, connection, trace, within } = parent
  const about = targetOf(core, method, params)
  let asked: Asked = { ...askedBy(method, { ...parent, key: '' }), within, ...about }
  let isWritten = false
  const settle = once((error) => {
    audit(core, asked, error, isWritten)
    done(error)
  })
  const call: Call<M> = {
    ...{ method, params, identity, connection, trace },
    names: (target) => {
      asked = { ...asked, ...target }
    },
    remainingMs: () => parent.remainingMs(),
    isCancelled: () => parent.isCancelled(),
    isAbandoned: () => parent.isAbandoned(),
    onCancel: () => {}, // the parts of a batch go on to their own ends
    persist: (operations, then) => {
      join(operations, (error) => {
        isWritten = !error
        if (error) settle(ProtocolError.from(error, 'broker', 'no'))
        else attempt(then, settle)
      })
    },
    reply: () => settle(undefined),
    replyEncoded: () => settle(undefined),
    fail: settle,
  }
  attempt(() => handler(core, call), settle)
}

/** Before the end of the call that it is a part of, so that its record comes before the other's. */
function audit(
  { audit: log }: Core,
  asked: Asked,
  error: ProtocolError | undefined,
  isWritten: boolean,
): void {
  const ended = error ? ({ state: 'failed', error } as const) : ({ state: 'replied' } as const)
  if (isWritten)
    log.ended(
      asked,
      ended,
      () => [],
      () => {},
    )
  else log.endedUnwritten(asked, ended, () => {})
}

/** The first end is the end. */
function once(done: SubCallDone): SubCallDone {
  let isSettled = false
  return (error) => {
    if (isSettled) return
    isSettled = true
    done(error)
  }
}

function attempt(work: () => void, settle: SubCallDone): void {
  try {
    work()
  } catch (thrown) {
    settle(ProtocolError.from(thrown, 'broker', 'unknown'))
  }
}
