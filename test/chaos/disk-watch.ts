/**
 * Does the disk take writes? A run shares its disk with whatever else the machine does, and a disk that
 * stands still holds up the journal and the files of the agents alike. That is no defect of the system,
 * so the run must be able to tell: this writes a small file the way the journal and the agents do (data
 * to the disk, then a new name over an old one) again and again, and keeps how long it took.
 */
import { open, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** Between two writes, ms. */
const PAUSE_MS = 100
/** A small write that takes longer than this is no slow disk, but one that stands still, ms. */
const STALL_MS = 1000

export interface WriteTimes {
  /** Monotonic, ms. */
  readonly now: () => number
  /** Resolves when a small file is on the disk. */
  readonly write: () => Promise<void>
  readonly pause: () => Promise<void>
}

/** Recoveries of one round that begin again for the sake of the disk. */
const MOST_AGAIN = 6

/**
 * What is wrong after a recovery; one that failed while the disk stood still says nothing of the system and
 * is made again. `setAside` is told what that one found.
 */
export async function apartFromStalls(
  disk: Pick<DiskWatch, 'stalledMs'>,
  recover: () => Promise<string[]>,
  setAside: (trouble: readonly string[], stalledMs: number) => void,
): Promise<string[]> {
  for (let again = 0; ; again += 1) {
    const before = disk.stalledMs
    const trouble = await recover()
    const stalledMs = disk.stalledMs - before
    if (trouble.length === 0 || stalledMs <= 0 || again === MOST_AGAIN) return trouble
    setAside(trouble, stalledMs)
  }
}

export class DiskWatch {
  readonly #times: WriteTimes
  #isOver = false
  #since: number | undefined
  #stalledMs = 0
  #longestMs = 0
  #watching: Promise<void> = Promise.resolve()

  constructor(times: WriteTimes) {
    this.#times = times
  }

  static in(dir: string): DiskWatch {
    return new DiskWatch({
      now: () => performance.now(),
      write: () => replace(join(dir, 'disk-watch')),
      pause: () => sleep(PAUSE_MS),
    })
  }

  start(): void {
    this.#watching = this.#watch()
    this.#watching.catch(() => undefined) // `stop` tells
  }

  /** How long the disk has stood still since the start, with the write that is under way, ms. */
  get stalledMs(): number {
    const { now } = this.#times
    return this.#stalledMs + stall(this.#since === undefined ? 0 : now() - this.#since)
  }

  /** The longest write that has come to its end, ms. */
  get longestMs(): number {
    return this.#longestMs
  }

  /** Rejects when a write failed: then nothing is known of the disk. */
  stop(): Promise<void> {
    this.#isOver = true
    return this.#watching
  }

  async #watch(): Promise<void> {
    const { now, write, pause } = this.#times
    while (!this.#isOver) {
      const since = now()
      this.#since = since
      await write().finally(() => {
        this.#since = undefined
      })
      const tookMs = now() - since
      this.#stalledMs += stall(tookMs)
      this.#longestMs = Math.max(this.#longestMs, tookMs)
      await pause()
    }
  }
}

function stall(ms: number): number {
  return ms >= STALL_MS ? ms : 0
}

async function replace(path: string): Promise<void> {
  const draft = `${path}.new`
  const file = await open(draft, 'w', 0o600)
  try {
    await file.writeFile(Buffer.alloc(4096))
    await file.datasync()
  } finally {
    await file.close()
  }
  await rename(draft, path)
}
