/** What the stream `@events` of a broker under test says. */
import { EVENTS, type Event } from '../../broker/core/events.ts'
import { decodeBody } from '../../protocol/codec.ts'
import { CHUNKS } from '../../protocol/messages/chunk.ts'
import type { CoreHarness } from './core-harness.ts'

/** The events on disk, oldest first. */
export function eventsOf(harness: CoreHarness, stream = EVENTS): Event[] {
  return harness.stored(stream).map(({ body }) => decodeBody(CHUNKS.event, body))
}

/** Those of one topic as words: `status idle`, `paused`, `online`. */
export function told(harness: CoreHarness, topic: Event['topic']): string[] {
  return eventsOf(harness)
    .filter((one) => one.topic === topic)
    .map(({ event, data }) => (event === 'status' ? `status ${String(data['status'])}` : event))
}
