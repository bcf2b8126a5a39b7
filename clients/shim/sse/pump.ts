/** Moves a stream to one client, only as fast as it takes it. */
import type { StreamItem } from '../../sdk/index.ts'
import { STREAM_LIMITS } from './limits.ts'

export interface Sink {
  /** Undefined = there is room for more; otherwise resolves when there is. */
  write(item: StreamItem): Promise<void> | undefined
}

export interface PumpPorts {
  readonly items: AsyncIterable<StreamItem>
  readonly sink: Sink
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal
  readonly pause: (ms: number, signal: AbortSignal) => Promise<void>
}

export type PumpEnd = 'ended' | 'stalled' | 'gone'

export async function pump({ items, sink, signal, pause }: PumpPorts): Promise<PumpEnd> {
  for await (const item of items) {
    const room = sink.write(item)
    if (room && !(await inTime(room, signal, pause))) return signal.aborted ? 'gone' : 'stalled'
    if (signal.aborted) return 'gone'
  }
  return 'ended'
}

/** False when there was no room for too long, or the client went away. */
async function inTime(
  room: Promise<void>,
  signal: AbortSignal,
  pause: PumpPorts['pause'],
): Promise<boolean> {
  const waiting = new AbortController()
  const patience = pause(STREAM_LIMITS.stallMs, AbortSignal.any([signal, waiting.signal])).then(
    () => false,
    () => false,
  )
  try {
    return await Promise.race([room.then(() => true), patience])
  } finally {
    waiting.abort()
  }
}
