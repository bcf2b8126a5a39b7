/** What event clients send, decoded as the old daemon did, with the texts of its decoder. */

import { JsonFault } from '../legacy/json/fault.ts'
import { JsonReader } from '../legacy/json/reader.ts'
import { isList, isMap, type JsonMap, type JsonValue } from '../legacy/json/value.ts'
import { describe } from '../legacy/json/words.ts'
import { EVENT_CATEGORIES, type EventCategory, type EventFilter } from './descartes-event.ts'
import { EVENTS_LIMITS } from './limits.ts'

export type ClientMessage =
  | { readonly type: 'Subscribe'; readonly filter: EventFilter | null }
  | { readonly type: 'UpdateFilter'; readonly filter: EventFilter }
  | { readonly type: 'Unsubscribe' | 'Pong' }

const VARIANTS = ['Subscribe', 'UpdateFilter', 'Unsubscribe', 'Pong'] as const
type Variant = (typeof VARIANTS)[number]

/** Throws JsonFault or Error, whose message is the reason. */
export function decodeClientMessage(text: string): ClientMessage {
  try {
    const reader = new JsonReader(text)
    const value = reader.value()
    reader.end()
    return decode(value)
  } catch (thrown) {
    if (thrown instanceof JsonFault && thrown.offset !== undefined) {
      throw new Error(thrown.inText(text), { cause: thrown })
    }
    throw thrown
  }
}

function decode(value: JsonValue): ClientMessage {
  if (!isMap(value)) refuse(value, 'adjacently tagged enum ClientMessage')
  const variant = variantOf(value.get('type'))
  const payload = value.get('payload')
  if (variant === 'Unsubscribe') {
    if (payload !== undefined && payload !== null) refuse(payload, 'unit')
    return { type: variant }
  }
  if (payload === undefined) return missing('payload')
  if (variant === 'Pong') {
    checkTimestamp(member(variant, payload, 'timestamp') ?? missing('timestamp'))
    return { type: variant }
  }
  const filter = member(variant, payload, 'filter')
  if (variant === 'Subscribe') {
    return {
      type: variant,
      filter: filter === undefined || filter === null ? null : decodeFilter(filter),
    }
  }
  return { type: variant, filter: decodeFilter(filter ?? missingFilter(filter)) }
}

function variantOf(type: JsonValue | undefined): Variant {
  if (type === undefined) return missing('type')
  if (typeof type !== 'string') return refuse(type, 'variant of enum ClientMessage')
  return VARIANTS.find((name) => name === type) ?? unknownVariant(type, VARIANTS)
}

/** Of a payload, by name or as the only item of a list. */
function member(variant: Variant, payload: JsonValue, name: string): JsonValue | undefined {
  if (isMap(payload)) return payload.get(name)
  if (isList(payload)) return payload[0]
  return refuse(payload, `struct variant ClientMessage::${variant}`)
}

function missingFilter(filter: JsonValue | undefined): never {
  return filter === undefined ? missing('filter') : refuse(null, 'struct EventFilter')
}

const LISTS = ['agent_ids', 'task_ids', 'workflow_ids', 'event_categories'] as const

function decodeFilter(value: JsonValue): EventFilter {
  const found = isMap(value) ? value : isList(value) ? byPosition(value) : undefined
  if (!found) return refuse(value, 'struct EventFilter')
  const [agent_ids, task_ids, workflow_ids, categories] = LISTS.map((name) =>
    texts(found.get(name)),
  )
  return {
    agent_ids: agent_ids ?? [],
    task_ids: task_ids ?? [],
    workflow_ids: workflow_ids ?? [],
    event_categories: (categories ?? []).map(category),
  }
}

function byPosition(list: readonly JsonValue[]): JsonMap {
  return new Map(
    LISTS.flatMap((name, index) => {
      const item = list[index]
      return item === undefined ? [] : [[name, item]]
    }),
  )
}

function texts(value: JsonValue | undefined): readonly string[] {
  if (value === undefined) return []
  if (!isList(value)) return refuse(value, 'a sequence')
  if (value.length > EVENTS_LIMITS.maxFilterIds) {
    throw new Error(`a list of a filter may have ${EVENTS_LIMITS.maxFilterIds} items`)
  }
  return value.map((item) => (typeof item === 'string' ? item : refuse(item, 'a string')))
}

function category(name: string): EventCategory {
  return EVENT_CATEGORIES.find((known) => known === name) ?? unknownVariant(name, EVENT_CATEGORIES)
}

const RFC3339 = /^\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:?\d\d)$/

function checkTimestamp(value: JsonValue): void {
  if (typeof value !== 'string') refuse(value, 'an RFC 3339 formatted date and time string')
  else if (!RFC3339.test(value)) throw new Error('input contains invalid characters')
}

function refuse(value: JsonValue, expected: string): never {
  throw new Error(`invalid type: ${describe(value)}, expected ${expected}`)
}

function missing(field: string): never {
  throw new Error(`missing field \`${field}\``)
}

function unknownVariant(name: string, known: readonly string[]): never {
  const names = known.map((one) => `\`${one}\``).join(', ')
  throw new Error(`unknown variant \`${name}\`, expected one of ${names}`)
}
