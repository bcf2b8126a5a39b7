/** How many entries the log of a session has, and where some of them begin: what need not be read again. Pure. */
import { AT_START, type LogState } from './log-entries.ts'

/** A place between two chunks. */
export interface Mark {
  /** Sequence that is read next. */
  readonly seq: number
  /** Entries before it. */
  readonly total: number
  readonly state: LogState
}

/** Marks of one session; when there are more, every other one goes. */
export const MAX_MARKS = 256
/** Entries between two marks at first. */
export const SPACING = 512
/** Characters of an open line that a mark may hold. */
const MAX_HELD = 1024

const START: Mark = { seq: 1, total: 0, state: AT_START }

export class LogIndex {
  /** Sequence of the first chunk that there was; when older ones go, all counts change. */
  readonly first: number
  #marks: Mark[] = [START]
  #spacing = SPACING
  #end: Mark = START

  constructor(first: number) {
    this.first = first
  }

  /** How far it has been read. */
  get end(): Mark {
    return this.#end
  }

  get size(): number {
    return this.#marks.length
  }

  /** The last known place that is not behind this entry. */
  before(entry: number): Mark {
    if (this.#end.total <= entry) return this.#end
    return this.#marks.findLast(({ total }) => total <= entry) ?? START
  }

  /** Somebody has read up to here. */
  reach(mark: Mark): void {
    if (mark.seq <= this.#end.seq) return
    this.#end = mark
    const last = this.#marks.at(-1) ?? START
    if (mark.total - last.total < this.#spacing) return
    if ((mark.state.line?.text.length ?? 0) > MAX_HELD) return
    this.#marks.push(mark)
    if (this.#marks.length <= MAX_MARKS) return
    this.#marks = this.#marks.filter((_, index) => index % 2 === 0)
    this.#spacing *= 2
  }
}
