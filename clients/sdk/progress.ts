/**
 * Tells the broker how far the readers of this client have come: one request for all feeds, now and
 * then, with those that have moved. A report that is lost is made again with the next one.
 */
import { MAX_POSITIONS } from '../../protocol/methods/readers.ts'
import type { Caller } from './caller.ts'
import type { Feed, Progress } from './feed.ts'
import { SDK_LIMITS } from './limits.ts'

export type Reporter = Pick<Feed, 'progress' | 'untold'>

export class ProgressReports {
  readonly #caller: Pick<Caller, 'call'>
  #dueAt = 0
  /** A broker that is slow to answer is not asked more. */
  #isUnderWay = false

  constructor(caller: Pick<Caller, 'call'>) {
    this.#caller = caller
  }

  tick(now: number, feeds: Iterable<Reporter>): void {
    if (now < this.#dueAt || this.#isUnderWay) return
    this.#dueAt = now + SDK_LIMITS.progressMs
    const moved = movedOf(feeds)
    if (moved.size > 0) void this.#report(moved)
  }

  async #report(moved: ReadonlyMap<Reporter, Progress>): Promise<void> {
    const positions = [...moved.values()].map(({ ticket, position }): [string, number] => [
      ticket,
      position,
    ])
    this.#isUnderWay = true
    try {
      const options = { deadlineMs: SDK_LIMITS.courtesyMs }
      await this.#caller.call('stream.progress', { positions }, options)
    } catch {
      for (const [feed, progress] of moved) feed.untold(progress)
    } finally {
      this.#isUnderWay = false
    }
  }
}

/** No more than one request carries; the others are told next time. */
function movedOf(feeds: Iterable<Reporter>): Map<Reporter, Progress> {
  const moved = new Map<Reporter, Progress>()
  for (const feed of feeds) {
    if (moved.size === MAX_POSITIONS) break
    const progress = feed.progress()
    if (progress) moved.set(feed, progress)
  }
  return moved
}
