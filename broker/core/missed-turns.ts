/**
 * Gives turns to their host, at once or when it is back. A host ignores a turn that it has seen, so one that may
 * or may not have reached it is given again.
 */
import { decodeTrusted } from '../../protocol/codec.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { ChunkBody } from '../../protocol/messages/chunk.ts'
import type { WhenBusy } from '../../protocol/methods/session.ts'
import type { Core } from './core.ts'
import { doubtful } from './doubtful.ts'
import type { Taken } from './handovers.ts'
import type { Host } from './hosts.ts'
import { isLeased, turnDropped } from './lifecycle.ts'
import { type OpenTurn, type SessionRecord, turnsGiven } from './sessions.ts'

interface Prompt {
  readonly turn: number
  readonly text: string
  readonly when_busy: WhenBusy
  readonly remainingMs?: number
  readonly trace?: string
  /** As in a request to a host. */
  readonly onAnew: () => void
}

/** Gives it under the present lease. `done` is called once unless the host begins anew, which calls `onAnew`. */
export function giveTurn(
  core: Core,
  host: Host,
  record: SessionRecord,
  { turn, text, when_busy, ...request }: Prompt,
  done: (taken: Taken) => void,
): void {
  const { session, epoch } = record
  const params = { session, epoch, turn, text, when_busy }
  core.hostCalls.request(host, { method: 'agent.prompt', params, ...request }, (answer) => {
    if (answer.ok && record.epoch === epoch) turnsGiven(record, turn)
    done(answer)
  })
}

/** Whoever asked for this turn hears what its host says of it once that is back. */
export function awaitHandover(
  core: Core,
  { session, epoch, host }: SessionRecord,
  turn: number,
  done: (taken: Taken) => void,
): void {
  const isDue = (): boolean => {
    const now = core.sessions.get(session)
    return now?.epoch === epoch && now.open.some((open) => open.turn === turn)
  }
  const name = core.hosts.get(host)?.registration.name ?? host
  core.handovers.add({ session, turn, host: name, isDue, done })
}

/** The host, which is back, has the turns up to this one. */
export function turnsTaken(core: Core, record: SessionRecord, upTo: number): void {
  turnsGiven(record, upTo)
  for (const { turn, given } of record.open) {
    if (given) core.handovers.settle(record.session, turn, { ok: true })
  }
}

/** What was accepted after the last turn that the host has. */
export function giveMissedTurns(
  core: Core,
  host: Host,
  record: SessionRecord,
  after: number,
): void {
  for (const open of record.open.filter(({ turn }) => turn > after)) {
    // One that is not on disk yet is given by its own call.
    if (open.sequence <= core.streams.of(record.session).durable) {
      giveMissedTurn(core, host, record, open)
    }
  }
}

/** A turn whose end could not be written: a host that is away gets it when it is back. */
function giveAgain(
  core: Core,
  record: SessionRecord,
  { epoch, turn }: { readonly epoch: number; readonly turn: number },
): void {
  const host = core.hosts.get(record.host)
  const open = record.open.find((one) => one.turn === turn && one.given !== true)
  if (host && open && isLeased(core, record, epoch)) giveMissedTurn(core, host, record, open)
}

function giveMissedTurn(core: Core, host: Host, record: SessionRecord, open: OpenTurn): void {
  const { session } = record
  const { turn } = open
  const end = (taken: Taken): void => core.handovers.settle(session, turn, taken)
  const drop = (error: ProtocolError): void => dropTurn(core, record, { turn, error }, end)
  const text = promptText(core, session, open)
  if (text === undefined) {
    const reason = `the prompt of turn ${turn} is damaged`
    drop(new ProtocolError('STORAGE_FAILED', { reason }))
    return
  }
  const onAnew = (): void => {} // it is given once more when the host has registered
  giveTurn(core, host, record, { turn, text, when_busy: 'queue', onAnew }, (taken) => {
    if (!taken.ok) {
      const { error } = taken
      core.ports.log('missed turn refused', { session, turn, error: error.code })
      // A host that is gone again gets it when it is back.
      if (error.executed === 'no' && error.code !== 'HOST_LOST') {
        drop(error)
        return
      }
    }
    end(taken)
  })
}

/** Ends a turn that its host refused; `done` gets the error, in doubt when its end could not be written. */
export function dropTurn(
  core: Core,
  record: SessionRecord,
  { turn, error }: { readonly turn: number; readonly error: ProtocolError },
  done: (taken: Taken) => void,
): void {
  const { epoch } = record
  const again = (): void => giveAgain(core, record, { epoch, turn })
  turnDropped(core, record, { turn, error, again }, (unwritten) => {
    done({ ok: false, error: unwritten ? doubtful(error) : error })
  })
}

function promptText(core: Core, session: string, { sequence }: OpenTurn): string | undefined {
  const range = { from: sequence, to: sequence, maxCount: 1, maxBytes: 1 }
  const [chunk] = core.journal.read(session, range).chunks
  return chunk && (decodeTrusted(chunk.body) as ChunkBody<'prompt'>).text
}
