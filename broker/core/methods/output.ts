/** output.query: looks through a bounded stretch of a stream in one call, and says where to go on. */
import { RE2JS, RE2JSException } from 're2js'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Params, Result } from '../../../protocol/methods/index.ts'
import { OUTPUT_STREAMS } from '../../../protocol/methods/output.ts'
import type { ReadResult } from '../../journal/journal.ts'
import type { Call } from '../calls.ts'
import type { Clock } from '../clock.ts'
import type { Core } from '../core.ts'
import { type Line, LineMaker, type Place } from '../output-lines.ts'
import { visible } from '../visible.ts'

/** Chunks and bytes that one call reads. */
const MAX_CHUNKS = 1000
const MAX_BYTES = 262_144
/** Matching ends behind the line at which this has passed, so that nobody else waits, ms. */
const MAX_WORK_MS = 5
const DEFAULT_LIMIT = 100

type Answer = Result<'output.query'>

export function outputQuery(core: Core, call: Call<'output.query'>): void {
  const { params } = call
  const { session } = visible(core, call).session(params.session)
  const fits = filterOf(params)
  const start = placeOf(params.cursor)
  const { durable: head } = core.streams.of(session)
  const range = { from: start.sequence, to: head, maxCount: MAX_CHUNKS, maxBytes: MAX_BYTES }
  const page = core.journal.read(session, range)
  const { gaps, next } = page
  const search = new Search(params, fits, core.clock)
  const end = search.through(page, start, next > head)
  const isDone = next > head && !search.isStopped
  call.reply({
    session,
    lines: search.lines,
    skipped: search.skipped,
    cursor: `${end.sequence}.${end.offset}`,
    done: isDone,
    gaps: gaps.map((gap) => ({ ...gap })),
  })
}

class Search {
  readonly lines: Answer['lines'] = []
  skipped = 0
  readonly #limit: number
  readonly #offset: number
  readonly #fits: (line: Line) => boolean
  readonly #clock: Clock
  readonly #startedAt: number

  constructor(
    { limit = DEFAULT_LIMIT, offset = 0 }: Params<'output.query'>,
    fits: (line: Line) => boolean,
    clock: Clock,
  ) {
    this.#limit = limit
    this.#offset = offset
    this.#fits = fits
    this.#clock = clock
    this.#startedAt = clock.now()
  }

  /** Full, or out of time: there may be more lines in what was read. */
  get isStopped(): boolean {
    return this.lines.length >= this.#limit || this.#clock.now() - this.#startedAt > MAX_WORK_MS
  }

  /** Where to go on. */
  through({ chunks, next }: ReadResult, start: Place, isAtHead: boolean): Place {
    const maker = new LineMaker(start)
    for (const chunk of chunks) {
      const end = this.#take(maker.take(chunk))
      if (end) return end
    }
    const { open } = maker
    const isStuck = open?.sequence === start.sequence && open.offset === start.offset
    // A line that goes on behind this stretch is looked at with the next one, as a whole.
    if (open && !isAtHead && !isStuck) return open
    return this.#take(maker.flush()) ?? { sequence: next, offset: 0 }
  }

  /** The end of the line at which it stopped. */
  #take(lines: Iterable<Line>): Place | undefined {
    for (const line of lines) {
      if (this.#fits(line)) this.#found(line)
      if (this.isStopped) return line.end
    }
    return undefined
  }

  #found(line: Line): void {
    if (this.skipped < this.#offset) this.skipped += 1
    else this.lines.push(answerOf(line))
  }
}

function answerOf({ begin, time, turn, stream, text, isCut }: Line): Answer['lines'][number] {
  return { seq: begin.sequence, time, turn, stream, text, ...(isCut && { cut: true }) }
}

/** Throws INVALID_PARAMS for a pattern that RE2 does not know. */
function filterOf({ streams, pattern, ignore_case }: Params<'output.query'>) {
  const wanted = new Set(streams ?? OUTPUT_STREAMS)
  if (pattern === undefined) return ({ stream }: Line) => wanted.has(stream)
  const expression = compile(pattern, ignore_case === true)
  return ({ stream, text }: Line) => wanted.has(stream) && expression.matcher(text).find()
}

function compile(pattern: string, ignoreCase: boolean): RE2JS {
  try {
    return RE2JS.compile(pattern, ignoreCase ? RE2JS.CASE_INSENSITIVE : 0)
  } catch (cause) {
    if (!(cause instanceof RE2JSException)) throw cause
    const reason = `/pattern ${cause.message}; RE2 has no look-around and no back-references`
    throw new ProtocolError('INVALID_PARAMS', { method: 'output.query', reason }, { cause })
  }
}

function placeOf(cursor = '1'): Place {
  const [sequence = '1', offset = '0'] = cursor.split('.')
  return { sequence: Math.max(1, Number(sequence)), offset: Number(offset) }
}
