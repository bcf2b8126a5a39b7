/**
 * Plays a transcript to a driver as the CLI behaved: wishes and lines in their order. What the driver
 * writes must be what was written then, at the same place; what it reports is compared by the test.
 */
import { isDeepStrictEqual } from 'node:util'
import type {
  Backend,
  BackendEvent,
  Driver,
  StartOptions,
} from '../../agent-host/backends/backend.ts'
import { NO_CHILD } from './driver-port.ts'
import { asEntry, asLine, type Entry, type Transcript, type Wish } from './transcript.ts'

export interface Played {
  readonly events: readonly BackendEvent[]
  /** Where the driver wrote something else than was recorded; empty when all went as it did then. */
  readonly deviations: readonly string[]
}

/** The folder in which a transcript was recorded is called `$WORK` in it. */
export const WORK = '$WORK'

export function play(backend: Pick<Backend, 'drive'>, { opening, entries }: Transcript): Played {
  const events: BackendEvent[] = []
  const deviations: string[] = []
  const written: unknown[] = []
  let ids = 0
  const { nativeSessionId, resume } = opening
  const options: StartOptions = {
    ...opening.options,
    ...{ session: 's', cwd: WORK, env: {}, nativeSessionId, resume },
  }
  const driver = backend.drive(options, {
    ...NO_CHILD,
    writeLine: (line) => written.push(asEntry(line)),
    newId: () => `id-${++ids}`,
    emit: (event) => events.push(event),
  })
  for (const entry of entries) {
    if ('in' in entry) expectWritten(written, entry.in, deviations)
    else if ('out' in entry) driver.line(asLine(entry.out))
    else carryOut(driver, entry)
  }
  for (const line of written) deviations.push(`wrote ${asLine(line)} and was not expected to`)
  return { events, deviations }
}

function expectWritten(written: unknown[], expected: unknown, deviations: string[]): void {
  const actual = written.shift()
  if (isDeepStrictEqual(actual, expected)) return
  deviations.push(`wrote ${asLine(actual) ?? 'nothing'} where it wrote ${asLine(expected)}`)
}

function carryOut(driver: Driver, wish: Wish): void {
  if (wish.do === 'start') driver.started()
  else if (wish.do === 'prompt') driver.prompt(wish.text)
  else if (wish.do === 'interrupt') driver.interrupt()
  else if (wish.do === 'mode') driver.setMode?.(wish.mode, () => {})
  else if (wish.do === 'answer') driver.answer(wish.approval, wish.answer)
  else driver.ended()
}

/** The transcript with some of the CLI's lines damaged; what the host wishes stays as it was. */
export function damage(transcript: Transcript, damages: readonly Damage[]): Transcript {
  const lines = transcript.entries.flatMap((entry) => ('out' in entry ? [asLine(entry.out)] : []))
  const places = transcript.entries.map((entry): Slot => ('out' in entry ? 'line' : entry))
  const spoilt = damages.reduce<readonly string[]>(spoil, lines)
  // Lines that are too many come at the end, before the process ends; missing ones leave nothing.
  const rest = [...spoilt]
  const entries = places.flatMap((place): Entry[] => {
    if (place === 'line') return rest.splice(0, 1).map((out) => ({ out }))
    if ('do' in place && place.do === 'end') {
      return [...rest.splice(0).map((out) => ({ out })), place]
    }
    return [place]
  })
  return { ...transcript, entries: [...entries, ...rest.map((out) => ({ out }))] }
}

type Slot = 'line' | Exclude<Entry, { out: unknown }>

export const DAMAGES = ['drop', 'repeat', 'cut', 'swap', 'move', 'nest', 'retype'] as const
export type Damage = readonly [kind: (typeof DAMAGES)[number], at: number, how: number]

/** One kind of harm to one line, such as a CLI of another version or a torn pipe could do. */
export function spoil(lines: readonly string[], [kind, at, how]: Damage): readonly string[] {
  if (lines.length === 0) return lines
  const index = at % lines.length
  const line = lines[index] ?? ''
  const other = lines[how % lines.length] ?? ''
  if (kind === 'drop') return lines.toSpliced(index, 1)
  if (kind === 'repeat') return lines.toSpliced(index, 0, other)
  if (kind === 'swap') return lines.with(index, other)
  if (kind === 'move') return lines.toSpliced(index, 1).toSpliced(how % lines.length, 0, line)
  if (kind === 'cut') return lines.with(index, line.slice(0, how % (line.length + 1)))
  if (kind === 'nest') return lines.with(index, line.replaceAll(/"[a-z]+"(?=[,}])/g, '{"a":[1]}'))
  return lines.with(index, line.replace(/:"[^"]*"/, ':7'))
}

/**
 * What holds whatever a CLI says: each tool call has one start before one result, within its turn; a
 * question is withdrawn at most once; no more turns end than began; diagnostics are short. `mayStray`:
 * there may be results of calls that were never told.
 */
export function isOrderly(
  events: readonly BackendEvent[],
  prompts = Number.POSITIVE_INFINITY,
  mayStray = false,
) {
  const open = new Set<string>()
  const asked = new Set<string>()
  let ended = 0
  for (const event of events) {
    if (event.type === 'tool_use_start') open.add(event.toolId)
    if (event.type === 'tool_use_input' && !open.has(event.toolId)) return false
    if (event.type === 'tool_result' && !open.delete(event.toolId) && !mayStray) return false
    if (event.type === 'approval') asked.add(event.approval)
    if (event.type === 'approval_withdrawn' && !asked.delete(event.approval)) return false
    if (event.type === 'turn_end' && (open.size > 0 || ++ended > prompts)) return false
    if (event.type === 'diagnostic' && event.message.length > 200) return false
  }
  return open.size === 0
}
