/** One reader of one stream: an async iterable that reads only as fast as it is read. */
import { ProtocolError } from '../../protocol/errors.ts'
import { cancelled } from './caller.ts'
import { type FeedListener, isPassing, retryDelay } from './feed.ts'
import { LifeWatch } from './life-watch.ts'
import { STREAM_RETRY } from './limits.ts'
import { ReadAhead } from './read-ahead.ts'
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

type Step = IteratorResult<StreamItem, undefined>

const DONE: Step = { done: true, value: undefined }

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
  #state: 'new' | 'open' | 'ended' = 'new'
  /** Calls of `next()` that could not be answered at once; those that follow wait for them. */
  #slow = 0
  /** The end of the last of them. */
  #slowest: Promise<unknown> = Promise.resolve()
  readonly #ahead: ReadAhead
  #leave: (() => void) | undefined
  #session = ''
  #head = 0
  #failure: ProtocolError | undefined

  constructor(reference: string, options: FollowOptions, ports: FollowPorts) {
    this.#reference = reference
    this.#options = options
    this.#ports = ports
    this.#reader = new Reader(options.from ?? 1)
    this.#ahead = new ReadAhead((range) => {
      return this.#ports.read(this.#session, range, this.#stop.signal)
    })
  }

  [Symbol.asyncIterator](): this {
    return this
  }

  next(): Promise<Step> {
    // What is here already goes out without the price of an async function.
    const item = this.#slow === 0 ? this.#take() : undefined
    return item ? Promise.resolve({ done: false, value: item }) : this.#queue()
  }

  /** Ends a `next()` that is under way, too. */
  async return(): Promise<Step> {
    this.#stop.abort()
    this.#wake.wake()
    await this.#slowest
    this.#end()
    return DONE
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  #queue(): Promise<Step> {
    this.#slow += 1
    const step = this.#slowest.then(() => this.#step())
    this.#slowest = step.then(ignore, ignore)
    return step
  }

  async #step(): Promise<Step> {
    try {
      if (this.#state === 'new') await this.#begin()
      while (this.#state === 'open' && !this.#stop.signal.aborted) {
        const item = this.#take()
        if (item) return { done: false, value: item }
        if (this.#isOver()) break
        await this.#advance()
      }
    } catch (thrown) {
      if (!this.#stop.signal.aborted) this.#failure ??= ProtocolError.from(thrown, 'client')
    } finally {
      // Before whoever waits goes on: it asks for the next one at once.
      this.#slow -= 1
    }
    return this.#finish()
  }

  /** The failure is told once; after it, and without one, the iteration is done. */
  #finish(): Step {
    this.#end()
    const failure = this.#failure
    this.#failure = undefined
    if (failure) throw failure
    return DONE
  }

  async #begin(): Promise<void> {
    const { signal } = this.#options
    if (signal?.aborted) this.#onAbort()
    signal?.addEventListener('abort', this.#onAbort, { once: true })
    this.#stop.signal.throwIfAborted()
    this.#session = await this.#patiently((stop) => this.#ports.resolve(this.#reference, stop))
    this.#state = 'open'
    this.#leave = this.#ports.join(this.#session, this.#listener())
  }

  #end(): void {
    this.#state = 'ended'
    this.#stop.abort()
    this.#options.signal?.removeEventListener('abort', this.#onAbort)
    this.#leave?.()
    this.#leave = undefined
  }

  readonly #onAbort = (): void => {
    const { signal } = this.#options
    if (signal) this.#fail(cancelled(signal, 'no'))
  }

  #take(): StreamItem | undefined {
    if (this.#state !== 'open' || this.#stop.signal.aborted) return undefined
    const raw = this.#reader.take()
    if (!raw) return undefined
    const item = toStreamItem(raw)
    if (this.#options.until === 'complete') this.#life.see(item)
    return item
  }

  #isOver(): boolean {
    return this.#options.until === 'complete' && this.#life.isOver(this.#head)
  }

  /** Reads what is missing, or waits for news. */
  async #advance(): Promise<void> {
    const range = this.#reader.need()
    if (!range) return this.#wake.wait()
    const page = await this.#read(range)
    // A head that the journal does not know yet: ask again, but not at once.
    if (!this.#reader.page(page)) return this.#pause(1)
    const after = this.#reader.ahead()
    if (after) this.#ahead.fill(after, page)
  }

  async #read(range: Range): Promise<Page> {
    const page = await this.#ahead.take(range.from)
    return page ?? this.#patiently((stop) => this.#ports.read(this.#session, range, stop))
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
      position: () => this.#reader.next - 1,
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

function ignore(): void {}
