/** One reader of one stream: an async iterable that reads only as fast as it is read. */
import { ProtocolError } from '../../protocol/errors.ts'
import { cancelled } from './caller.ts'
import { type FeedListener, isPassing, retryDelay } from './feed.ts'
import { LifeWatch } from './life-watch.ts'
import { STREAM_RETRY } from './limits.ts'
import { type Page, type Range, Reader } from './reader.ts'
import { type StreamItem, toStreamItem } from './stream-item.ts'
import { Wake } from './wake.ts'

export interface FollowOptions {
  /** First sequence wanted; default 1. One beyond the head waits for it. */
  readonly from?: number | undefined
  /** Aborting ends the iteration with CANCELLED. */
  readonly signal?: AbortSignal | undefined
  /** `complete` ends with the process; `never`, the default, goes on: a session can be recovered. */
  readonly until?: 'complete' | 'never' | undefined
}

/** Items in order of sequence, without a repetition; leaving the loop or disposing ends it. */
export interface Follow extends AsyncIterableIterator<StreamItem, undefined>, AsyncDisposable {
  return(): Promise<IteratorResult<StreamItem, undefined>>
}

export interface FollowPorts {
  /** The full id of a session, from its name or the start of its id. */
  resolve(reference: string, signal: AbortSignal): Promise<string>
  join(session: string, listener: FeedListener): () => void
  read(session: string, range: Range, signal: AbortSignal): Promise<Page>
  /** Waits; rejects when the signal aborts. */
  pause(ms: number, signal: AbortSignal): Promise<void>
  /** Gives [0, 1). */
  random(): number
}

/** Starts with the first `next()`; an iterable that is never read costs nothing. */
export function follow(reference: string, options: FollowOptions, ports: FollowPorts): Follow {
  return new Follower(reference, options, ports)
}

class Follower implements Follow {
  readonly #reference: string
  readonly #options: FollowOptions
  readonly #ports: FollowPorts
  readonly #reader: Reader
  readonly #wake = new Wake()
  readonly #stop = new AbortController()
  readonly #life = new LifeWatch()
  readonly #items: AsyncGenerator<StreamItem, undefined>
  #head = 0
  #failure: ProtocolError | undefined

  constructor(reference: string, options: FollowOptions, ports: FollowPorts) {
    this.#reference = reference
    this.#options = options
    this.#ports = ports
    this.#reader = new Reader(options.from ?? 1)
    this.#items = this.#run()
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<IteratorResult<StreamItem, undefined>> {
    return this.#items.next()
  }

  /** Ends a `next()` that is under way, too. */
  return(): Promise<IteratorResult<StreamItem, undefined>> {
    this.#stop.abort()
    this.#wake.wake()
    return this.#items.return(undefined)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  async *#run(): AsyncGenerator<StreamItem, undefined> {
    const { signal } = this.#options
    const onAbort = () => signal && this.#fail(cancelled(signal, 'no'))
    if (signal?.aborted) throw cancelled(signal, 'no')
    signal?.addEventListener('abort', onAbort, { once: true })
    try {
      return yield* this.#follow()
    } catch (thrown) {
      if (this.#failure) throw this.#failure
      if (this.#stop.signal.aborted) return undefined
      throw thrown
    } finally {
      signal?.removeEventListener('abort', onAbort)
    }
  }

  async *#follow(): AsyncGenerator<StreamItem, undefined> {
    const session = await this.#patiently((stop) => this.#ports.resolve(this.#reference, stop))
    const leave = this.#ports.join(session, this.#listener())
    try {
      while (!this.#stop.signal.aborted) {
        const item = this.#take()
        if (item) yield item
        else if (this.#isOver()) return undefined
        else await this.#advance(session)
      }
      if (this.#failure) throw this.#failure
      return undefined
    } finally {
      leave()
    }
  }

  #take(): StreamItem | undefined {
    const raw = this.#reader.take()
    if (!raw) return undefined
    const item = toStreamItem(raw)
    this.#life.see(item)
    return item
  }

  #isOver(): boolean {
    return this.#options.until === 'complete' && this.#life.isOver(this.#head)
  }

  /** Reads what is missing, or waits for news. */
  async #advance(session: string): Promise<void> {
    const range = this.#reader.need()
    if (!range) return this.#wake.wait()
    const page = await this.#patiently((stop) => this.#ports.read(session, range, stop))
    // A head that the journal does not know yet: ask again, but not at once.
    if (!this.#reader.page(page)) await this.#pause(1)
  }

  /** Repeats what may succeed later, until it does or the iteration ends. */
  async #patiently<T>(work: (stop: AbortSignal) => Promise<T>): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await work(this.#stop.signal)
      } catch (thrown) {
        if (!isPassing(ProtocolError.from(thrown, 'client'))) throw thrown
        await this.#pause(attempt)
      }
    }
  }

  #pause(attempt: number): Promise<void> {
    const ms = retryDelay(attempt, STREAM_RETRY, () => this.#ports.random())
    return this.#ports.pause(ms, this.#stop.signal)
  }

  #listener(): FeedListener {
    return {
      chunk: (chunk) => {
        this.#reader.chunk(chunk)
        this.#heardOf(chunk.seq)
      },
      head: (seq) => {
        this.#reader.head(seq)
        this.#heardOf(seq)
      },
      failed: (error) => this.#fail(error),
    }
  }

  #heardOf(seq: number): void {
    this.#head = Math.max(this.#head, seq)
    this.#wake.wake()
  }

  #fail(error: ProtocolError): void {
    this.#failure ??= error
    this.#stop.abort()
    this.#wake.wake()
  }
}
