/**
 * Looks over MessagePack bytes before they are decoded, without recursion and without allocating: one
 * complete value, no deeper and no more numerous than allowed, no declared count that the bytes cannot
 * hold, no extension types. A decoder fed with unchecked bytes can be made to allocate gigabytes by five of them.
 * Format: https://github.com/msgpack/msgpack/blob/master/spec.md
 */

/** Undefined when the bytes are fine, else what is wrong with them. */
export function scanMsgpack(
  bytes: Uint8Array,
  maxDepth: number,
  maxValues: number,
): string | undefined {
  const open: number[] = [] // values still due in each open array or map
  let values = 0
  let at = 0
  const end = bytes.length
  for (;;) {
    if (at >= end) return 'ends in the middle of a value'
    const step = measure(bytes, at)
    if (typeof step === 'string') return step
    values += 1
    if (values > maxValues) return `holds more than ${maxValues} values`
    at += step.bytes
    if (at > end) return 'ends in the middle of a value'
    if (step.children > end - at) return 'declares more items than its bytes can hold'
    if (step.children > 0) {
      if (open.length >= maxDepth) return `is nested deeper than ${maxDepth}`
      open.push(step.children)
      continue
    }
    while (open.length > 0) {
      const due = (open[open.length - 1] ?? 0) - 1
      open[open.length - 1] = due
      if (due > 0) break
      open.pop()
    }
    if (open.length === 0) return at === end ? undefined : 'has bytes after its value'
  }
}

interface Step {
  bytes: number
  children: number
}

const step: Step = { bytes: 0, children: 0 } // reused: one scan runs at a time

function took(bytes: number, children: number): Step {
  step.bytes = bytes
  step.children = children
  return step
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0)
}

function u32(bytes: Uint8Array, at: number): number {
  return u16(bytes, at) * 0x10000 + u16(bytes, at + 2)
}

function measure(bytes: Uint8Array, at: number): Step | string {
  const tag = bytes[at] ?? 0
  if (tag <= 0x7f || tag >= 0xe0) return took(1, 0)
  if (tag <= 0x8f) return took(1, (tag & 0x0f) * 2)
  if (tag <= 0x9f) return took(1, tag & 0x0f)
  if (tag <= 0xbf) return took(1 + (tag & 0x1f), 0)
  switch (tag) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
      return took(1, 0)
    case 0xcc:
    case 0xd0:
      return took(2, 0)
    case 0xcd:
    case 0xd1:
      return took(3, 0)
    case 0xca:
    case 0xce:
    case 0xd2:
      return took(5, 0)
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return took(9, 0)
    case 0xc4:
    case 0xd9:
      return took(2 + (bytes[at + 1] ?? 0), 0)
    case 0xc5:
    case 0xda:
      return took(3 + u16(bytes, at + 1), 0)
    case 0xc6:
    case 0xdb:
      return took(5 + u32(bytes, at + 1), 0)
    case 0xdc:
      return took(3, u16(bytes, at + 1))
    case 0xdd:
      return took(5, u32(bytes, at + 1))
    case 0xde:
      return took(3, u16(bytes, at + 1) * 2)
    case 0xdf:
      return took(5, u32(bytes, at + 1) * 2)
    default:
      return `has a type that is not used here (0x${tag.toString(16)})`
  }
}
