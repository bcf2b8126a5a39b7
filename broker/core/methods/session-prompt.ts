/** session.prompt: records the prompt in the stream, gives it a turn, and hands it to the host. */
import { ProtocolError } from '../../../protocol/errors.ts'
import type { WhenBusy } from '../../../protocol/methods/session.ts'
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import type { Taken } from '../handovers.ts'
import { hostAway } from '../host-away.ts'
import { Story } from '../lifecycle.ts'
import { awaitHandover, dropTurn, giveTurn } from '../missed-turns.ts'
import { moveTo, type SessionRecord } from '../sessions.ts'
import { visible } from '../visible.ts'

export function sessionPrompt(core: Core, call: Call<'session.prompt'>): void {
  const record = visible(core, call).session(call.params.session)
  if (!core.autoRecovery.isDue(record)) {
    accept(core, call, record)
    return
  }
  core.autoRecovery.recover(core, record, call, (error) => {
    if (error) call.fail(error)
    // Whoever gave up was told that it was not done, so it must not be.
    else if (call.isAbandoned()) call.fail(new ProtocolError('CANCELLED'))
    else acceptOrFail(core, call, record)
  })
}

/** Nothing is left on the stack to catch what it throws. */
function acceptOrFail(core: Core, call: Call<'session.prompt'>, record: SessionRecord): void {
  try {
    accept(core, call, record)
  } catch (thrown) {
    call.fail(ProtocolError.from(thrown, 'broker', 'unknown'))
  }
}

function accept(core: Core, call: Call<'session.prompt'>, record: SessionRecord): void {
  const { text, when_busy = 'queue' } = call.params
  requireReady(core, record, when_busy)
  record.turn += 1
  const { turn } = record
  const story = new Story(core, record)
  const { sequence } = story.add('prompt', turn, { text, principal: call.identity.principal })
  record.open.push({ turn, sequence })
  if (record.status === 'idle') moveTo(record, 'running', '', core.clock.wall())
  call.persist(story.operations(), () => {
    story.publish()
    givePrompt(core, call, record, { turn, sequence, text, when_busy })
  })
}

function requireReady(core: Core, record: SessionRecord, whenBusy: WhenBusy): void {
  const { session, status, open } = record
  if (status === 'lost') throw hostAway(core, record)
  if (status !== 'idle' && status !== 'running') {
    throw new ProtocolError('WRONG_STATE', { session, status, action: 'take a prompt' })
  }
  const [first] = open
  if (whenBusy === 'reject' && first) {
    throw new ProtocolError('BUSY', { session, turn: first.turn })
  }
  const { maxOpenTurns } = core.ports.limits
  if (open.length >= maxOpenTurns) {
    throw new ProtocolError('OVERLOADED', {
      what: 'the prompt queue of this session',
      limit: maxOpenTurns,
    })
  }
}

interface Prompt {
  readonly turn: number
  readonly sequence: number
  readonly text: string
  readonly when_busy: WhenBusy
}

function givePrompt(
  core: Core,
  call: Call<'session.prompt'>,
  record: SessionRecord,
  { turn, sequence, text, when_busy }: Prompt,
): void {
  const host = core.hosts.get(record.host)
  const { session } = record
  if (!host) {
    call.fail(new ProtocolError('HOST_LOST', { host: record.host }, { executed: 'unknown' }))
    return
  }
  const end = (taken: Taken): void => {
    if (taken.ok) call.reply({ session, turn, sequence })
    else call.fail(taken.error)
  }
  const { trace } = call
  const onAnew = (): void => awaitHandover(core, record, turn, end)
  const prompt = { turn, text, when_busy, trace, remainingMs: call.remainingMs(), onAnew }
  giveTurn(core, host, record, prompt, (taken) => {
    if (taken.ok || taken.error.executed !== 'no') end(taken)
    else dropTurn(core, record, { turn, error: taken.error }, end)
  })
}
