/** Harm to values that keeps them values: what a peer of another version, or an enemy, would send. */
import { HUGE, KEYS, LONG, NUMBERS, STRINGS, THINGS } from './nasty.ts'
import type { Random } from './random.ts'

/** Somewhere in the value something is other than it was; the given value stays as it is. */
export function mutateValue(value: unknown, random: Random): unknown {
  const goDeeper = random.chance(0.9)
  if (Array.isArray(value)) return goDeeper ? inList(value, random) : instead(value, random)
  if (isRecord(value)) return goDeeper ? inRecord(value, random) : instead(value, random)
  if (typeof value === 'number')
    return goDeeper ? nearNumber(value, random) : instead(value, random)
  if (typeof value === 'string') return goDeeper ? nearText(value, random) : instead(value, random)
  return instead(value, random)
}

/** The value with some harm done to it, or none: in a few places, or a little everywhere. */
export function harm(value: unknown, random: Random): unknown {
  const kind = random.below(4)
  if (kind === 0) return value
  if (kind === 1) return sprinkle(value, random, random.pick([0.02, 0.1, 0.5]))
  let harmed = value
  for (let left = random.between(1, 3); left > 0; left -= 1) harmed = mutateValue(harmed, random)
  return harmed
}

/** Each scalar of the value is another one with this chance; its shape stays. */
function sprinkle(value: unknown, random: Random, share: number): unknown {
  if (Array.isArray(value)) return value.map((item) => sprinkle(item, random, share))
  if (isRecord(value)) {
    const entries = Object.entries(value)
    return Object.fromEntries(entries.map(([key, item]) => [key, sprinkle(item, random, share)]))
  }
  if (!random.chance(share)) return value
  if (typeof value === 'number') return nearNumber(value, random)
  return typeof value === 'string' ? nearText(value, random) : oddValue(random)
}

/** Any value that has hurt before; rarely one of a hundred thousand items. */
export function oddValue(random: Random): unknown {
  if (random.chance(0.0003)) return random.pick(HUGE)
  const kind = random.below(4)
  if (kind === 0) return random.pick(NUMBERS)
  if (kind === 1) return oddText(random)
  return random.pick(THINGS)
}

function oddText(random: Random): string {
  return random.chance(0.01) ? LONG : random.pick(STRINGS)
}

function instead(value: unknown, random: Random): unknown {
  const kind = random.below(6)
  if (kind === 0) return [value]
  if (kind === 1) return { a: value }
  if (kind === 2) return JSON.stringify(value) ?? 'undefined'
  return oddValue(random)
}

function inList(list: readonly unknown[], random: Random): unknown {
  const at = random.below(list.length)
  const kind = random.below(16)
  if (list.length === 0 || kind === 0) return [...list, oddValue(random)]
  if (kind === 1) return list.toSpliced(at, 1)
  if (kind === 2) return list.toSpliced(at, 0, list[random.below(list.length)])
  if (kind === 3 && random.chance(0.05) && isSmall(list[at])) {
    return Array.from({ length: 2000 }, () => list[at])
  }
  return list.with(at, mutateValue(list[at], random))
}

function inRecord(record: Readonly<Record<string, unknown>>, random: Random): unknown {
  const entries = Object.entries(record)
  const at = random.below(entries.length)
  const [key = '', value] = entries[at] ?? []
  const kind = random.below(12)
  if (entries.length === 0 || kind === 0)
    return { ...record, [random.pick(KEYS)]: oddValue(random) }
  if (kind === 1) return Object.fromEntries(entries.toSpliced(at, 1))
  if (kind === 2) return { ...record, [random.pick(KEYS)]: value }
  return { ...record, [key]: mutateValue(value, random) }
}

function nearNumber(value: number, random: Random): number {
  const kind = random.below(6)
  if (kind === 0) return value + 1
  if (kind === 1) return value - 1
  if (kind === 2) return -value
  if (kind === 3) return value + 0.5
  return random.pick(NUMBERS)
}

function nearText(text: string, random: Random): string {
  const at = random.below(text.length + 1)
  const kind = random.below(6)
  if (kind === 0) return text.slice(0, at)
  if (kind === 1) return text.slice(0, at) + oddText(random) + text.slice(at)
  if (kind === 2 && isSmall(text)) return text.repeat(1 + random.size(20))
  if (kind === 3) return text.toUpperCase()
  return oddText(random)
}

/** Whether many of it are still little. */
function isSmall(value: unknown): boolean {
  return typeof value === 'string' ? value.length < 300 : typeof value !== 'object'
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !Buffer.isBuffer(value)
  )
}
