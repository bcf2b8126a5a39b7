/** Reading streams in tests. */
import type { SessionHandle, StreamItem } from '../../clients/sdk/index.ts'

/** Everything up to and including the first item that fits. */
export async function until(
  items: AsyncIterable<StreamItem>,
  isLast: (item: StreamItem) => boolean,
): Promise<StreamItem[]> {
  const seen: StreamItem[] = []
  for await (const item of items) {
    seen.push(item)
    if (isLast(item)) break
  }
  return seen
}

/** One whole turn. */
export async function turn(session: SessionHandle, text: string): Promise<StreamItem[]> {
  const seen: StreamItem[] = []
  for await (const item of session.run(text)) seen.push(item)
  return seen
}

export function textOf(items: readonly StreamItem[], type: 'text' | 'thinking' = 'text'): string {
  return items.map((item) => (item.type === type ? item.content : '')).join('')
}

export function only<T extends StreamItem['type']>(
  items: readonly StreamItem[],
  type: T,
): Extract<StreamItem, { type: T }>[] {
  return items.filter((item): item is Extract<StreamItem, { type: T }> => item.type === type)
}
