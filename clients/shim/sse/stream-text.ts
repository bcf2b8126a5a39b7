/** Items of a stream as text: JSON, and events of `text/event-stream`. Pure. */
import { inReadingOrder } from '../../../protocol/messages/chunk-decoding.ts'
import type { StreamItem } from '../../sdk/index.ts'

/** Its sequence; of a gap the last one, so that whoever comes again does not get it again. */
export function sequenceOf(item: StreamItem): number {
  return item.type === 'gap' ? item.to : item.seq
}

export function itemJson(item: StreamItem): string {
  return JSON.stringify(item.type === 'gap' ? item : inReadingOrder(item), plain)
}

/** One event: JSON has no line breaks of its own, so the data is one line. */
export function itemEvent(item: StreamItem): string {
  return `id: ${sequenceOf(item)}\nevent: ${item.type}\ndata: ${itemJson(item)}\n\n`
}

/** What MessagePack can carry and JSON cannot becomes text. */
function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}
