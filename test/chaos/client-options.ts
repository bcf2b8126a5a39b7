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

export type Order =
  | { readonly type: 'probe'; readonly id: number }
  /** Ask nothing new, end what is under way. */
  | { readonly type: 'rest' }
  /** Show each stream up to here, and leave. */
  | { readonly type: 'finish'; readonly heads: Readonly<Record<string, number>> }

export type Answer =
  | { readonly type: 'ready' }
  | { readonly type: 'probed'; readonly id: number }
  | { readonly type: 'rests'; readonly calls: number; readonly retries: number }
