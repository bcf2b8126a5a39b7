/** Harm to bytes that know nothing of what they mean. */
import type { Random } from './random.ts'

type Harm = (bytes: Buffer, random: Random) => Buffer

const BYTES = [0x00, 0x01, 0x7f, 0x80, 0x81, 0x90, 0xc0, 0xc1, 0xcb, 0xd9, 0xdd, 0xdf, 0xfe, 0xff]

const HARMS: readonly Harm[] = [
  flipBit,
  setByte,
  setByte,
  insert,
  remove,
  repeat,
  cut,
  move,
  setCount,
  grow,
]

/** One to `most` kinds of harm in a row; the given bytes stay as they are. */
export function mutateBytes(bytes: Buffer, random: Random, most = 4): Buffer {
  let mutated = Buffer.from(bytes) as Buffer
  for (let left = random.between(1, most); left > 0; left -= 1) {
    mutated = random.pick(HARMS)(mutated, random)
  }
  return mutated
}

function flipBit(bytes: Buffer, random: Random): Buffer {
  if (bytes.length === 0) return bytes
  const at = random.below(bytes.length)
  bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8))
  return bytes
}

function setByte(bytes: Buffer, random: Random): Buffer {
  if (bytes.length === 0) return bytes
  const value = random.chance(0.5) ? random.pick(BYTES) : random.below(256)
  bytes[random.below(bytes.length)] = value
  return bytes
}

function insert(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1)
  const extra = random.bytes(1 + random.size(16))
  return Buffer.concat([bytes.subarray(0, at), extra, bytes.subarray(at)])
}

function remove(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1)
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + random.size(16))])
}

function repeat(bytes: Buffer, random: Random): Buffer {
  const at = random.below(bytes.length + 1)
  const piece = bytes.subarray(at, at + 1 + random.size(32))
  const times = random.chance(0.02) ? 500 : 1 + random.size(8)
  const again = Array.from({ length: times }, () => piece)
  return Buffer.concat([bytes.subarray(0, at), ...again, bytes.subarray(at)])
}

function cut(bytes: Buffer, random: Random): Buffer {
  return bytes.subarray(0, random.below(bytes.length + 1))
}

function move(bytes: Buffer, random: Random): Buffer {
  const from = random.below(bytes.length + 1)
  const piece = Buffer.from(bytes.subarray(from, from + 1 + random.size(32)))
  piece.copy(bytes, random.below(bytes.length + 1))
  return bytes
}

/** Where a count of 16 or 32 bits may stand. */
function setCount(bytes: Buffer, random: Random): Buffer {
  const value = random.pick([0, 1, 0x7fff, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xffffffff])
  const width = random.pick([2, 4])
  if (bytes.length < width) return bytes
  const at = random.below(bytes.length - width + 1)
  if (width === 2) bytes.writeUInt16BE(value & 0xffff, at)
  else bytes.writeUInt32BE(value, at)
  return bytes
}

function grow(bytes: Buffer, random: Random): Buffer {
  const fill = random.pick(BYTES)
  return Buffer.concat([bytes, Buffer.alloc(1 + random.size(64), fill)])
}
