/** session.batch: the same method for many sessions, each with an end of its own. */
import { ProtocolError } from '../../../protocol/errors.ts'
import type { BatchAction } from '../../../protocol/methods/batch.ts'
import { METHODS, type Params, type Result } from '../../../protocol/methods/index.ts'
import { mismatch } from '../../../protocol/schema.ts'
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import { partOf, subCall } from '../sub-call.ts'
import { sessionInterrupt, sessionKill, sessionStop } from './session-control.ts'
import { sessionPause, sessionResume } from './session-pause.ts'
import { sessionSetMode, sessionSignal } from './session-process.ts'
import { sessionPrompt } from './session-prompt.ts'
import { sessionRecover } from './session-recover.ts'

type Handler<M extends BatchAction> = (core: Core, call: Call<M>) => void

const HANDLERS: { readonly [M in BatchAction]: Handler<M> } = {
  'session.prompt': sessionPrompt,
  'session.interrupt': sessionInterrupt,
  'session.pause': sessionPause,
  'session.resume': sessionResume,
  'session.signal': sessionSignal,
  'session.set_mode': sessionSetMode,
  'session.stop': sessionStop,
  'session.kill': sessionKill,
  'session.recover': sessionRecover,
}

type Entry = Result<'session.batch'>['results'][number]

export function sessionBatch(core: Core, call: Call<'session.batch'>): void {
  const { sessions, fail_fast = false } = call.params
  checkParams(call.params)
  const entries: Entry[] = sessions.map((session) => ({ session, outcome: 'skipped' }))
  call.persist([], () => {
    if (fail_fast) oneByOne(core, call, entries, 0)
    else allAtOnce(core, call, entries)
  })
}

/** Before anything is done. Throws INVALID_PARAMS. */
function checkParams({ action, params, sessions }: Params<'session.batch'>): void {
  const given = { ...params, session: sessions[0] ?? '' }
  const problem = mismatch(METHODS[action].params, given)
  if (problem === undefined) return
  throw new ProtocolError('INVALID_PARAMS', { method: action, reason: problem })
}

function allAtOnce(core: Core, call: Call<'session.batch'>, entries: Entry[]): void {
  let left = entries.length
  for (const [index, { session }] of entries.entries()) {
    one(core, call, session, (entry) => {
      entries[index] = entry
      left -= 1
      if (left === 0) reply(call, entries)
    })
  }
}

function oneByOne(core: Core, call: Call<'session.batch'>, entries: Entry[], index: number): void {
  const next = entries[index]
  if (!next) {
    reply(call, entries)
    return
  }
  one(core, call, next.session, (entry) => {
    entries[index] = entry
    if (entry.outcome === 'failed' || call.isCancelled()) reply(call, entries)
    else oneByOne(core, call, entries, index + 1)
  })
}

function one<M extends BatchAction>(
  core: Core,
  call: Call<'session.batch'>,
  session: string,
  done: (entry: Entry) => void,
): void {
  const method = call.params.action as M
  const params = { ...call.params.params, session } as Params<M>
  subCall(core, partOf(call), { method, params }, HANDLERS[method] as Handler<M>, (error) => {
    done(entryOf(session, error))
  })
}

function entryOf(session: string, error: ProtocolError | undefined): Entry {
  if (!error) return { session, outcome: 'done' }
  const { code, message, executed } = error
  return { session, outcome: 'failed', code, message, executed }
}

function reply(call: Call<'session.batch'>, results: Entry[]): void {
  const failed = results.filter(({ outcome }) => outcome === 'failed').length
  call.reply({ results, failed })
}
