/** Harm to lines of JSON: to what they say, to how it is written, to their bytes. */
import { mutateBytes } from './mutate-bytes.ts'
import { harm } from './mutate-value.ts'
import { nested } from './nasty.ts'
import type { Random } from './random.ts'

/** Texts that break readers of JSON: nesting, numbers, escapes, names that come twice. */
const TEXTS: readonly string[] = [
  ...['', ' ', '{', '}', '[', ']', '{}', '[]', 'null', '0', '-', '"', '"\\', '"\\u', '"\\ud800"'],
  ...['{"a":1,"a":2}', '{"__proto__":{"x":1}}', '{"constructor":{"prototype":{"x":1}}}'],
  ...['1e999', '-0', '1E400', '123456789012345678901234567890', '0.1e-400', '01', '+1', '.5'],
  ...['[1,]', '{"a":}', '{"a" 1}', '{,}', 'tru', 'nul', 'NaN', 'Infinity', "{'a':1}", '/**/1'],
  ...['\ufeff{}', '{}\u0000', '{"\u0000":1}', '"\u0001"', '{"\\u0000":1}', '"\ud800"', '{} {}'],
  '['.repeat(127),
  '['.repeat(5000),
  '{"a":'.repeat(5000),
  JSON.stringify(nested(120)),
  JSON.stringify(nested(1000)),
  `[${'1,'.repeat(2000)}1]`,
  `"${'\\u0041'.repeat(3000)}"`,
  `"${'x'.repeat(70_000)}"`,
]

/** The line with some harm done to it, or none. */
export function mutateLine(line: string, random: Random): Buffer {
  const kind = random.below(10)
  if (kind === 0) return Buffer.from(random.pick(TEXTS))
  if (kind === 1) return mutateBytes(Buffer.from(line), random, 3)
  if (kind === 2) return Buffer.from(inserted(line, random))
  return Buffer.from(written(harm(parsed(line), random)))
}

function inserted(line: string, random: Random): string {
  const at = random.below(line.length + 1)
  return line.slice(0, at) + random.pick(TEXTS) + line.slice(at + random.below(4))
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line)
  } catch {
    return line
  }
}

function written(value: unknown): string {
  return JSON.stringify(value) ?? 'null'
}
