/** What the driver and its client processes say to each other. */
export interface ClientOptions {
  readonly name: string
  /** 1, 2, 3 …: how often it was started. */
  readonly life: number
  /** Directory of the archive. */
  readonly archive: string
  readonly endpoint: string
  /** In place of what the broker says, so that a proxy can stand between. */
  readonly streams: string
  readonly sessions: readonly string[]
  readonly seed: number
  /** Numbers in one answer, at most. */
  readonly maxCount: number
  /** Milliseconds between two of them. */
  readonly paceMs: number
}

/** How far streams go, by session. */
export type Heads = Readonly<Record<string, number>>

export type Order =
  /** Have one call answered. */
  | { readonly type: 'probe'; readonly id: number }
  /** Show each stream at least up to here. */
  | { readonly type: 'catch up'; readonly id: number; readonly heads: Heads }
  /** Ask nothing new, end what is under way. */
  | { readonly type: 'rest' }
  /** Show each stream up to here, and leave. */
  | { readonly type: 'finish'; readonly heads: Heads }

export type Answer =
  | { readonly type: 'ready' }
  /** A probe was answered, the readers have caught up. */
  | { readonly type: 'done'; readonly id: number }
  | { readonly type: 'rests'; readonly calls: number; readonly retries: number }
