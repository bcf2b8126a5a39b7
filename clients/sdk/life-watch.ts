/**
 * Knows when a session's process has ended for good as far as its stream tells: a `complete` may be
 * followed by a recovery, and by a few last words.
 */
import type { StreamItem } from './stream-item.ts'

const LAST_WORDS: ReadonlySet<StreamItem['type']> = new Set(['stderr', 'error', 'usage', 'gap'])
const LIVING: ReadonlySet<string> = new Set(['starting', 'idle', 'running'])

export class LifeWatch {
  #hasEnded = false
  #seq = 0

  see(item: StreamItem): void {
    this.#seq = item.type === 'gap' ? item.to : item.seq
    if (item.type === 'complete') this.#hasEnded = true
    else if (item.type === 'status') this.#hasEnded &&= !LIVING.has(item.status)
    else if (!LAST_WORDS.has(item.type)) this.#hasEnded = false
  }

  /** Nothing up to `head` came to life after the last `complete`. */
  isOver(head: number): boolean {
    return this.#hasEnded && this.#seq >= head
  }
}
