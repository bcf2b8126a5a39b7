/**
 * CRC-32 over the digits of a number, going on from another one, as `crc32` of node:zlib (RFC 1952, 8). A call of that
 * takes 0.15 µs for a string of any length, which is a fifth of what a chunk takes to read.
 */
const REVERSED_POLYNOMIAL = 0xedb88320

function entry(byte: number): number {
  let crc = byte
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ REVERSED_POLYNOMIAL : crc >>> 1
  return crc
}

const TABLE = Int32Array.from({ length: 256 }, (_, byte) => entry(byte))

/** `value`: an integer from 0 to 2^53 - 1. `seed`: of what comes before. */
export function crc32OfDigits(value: number, seed: number): number {
  const digits = String(value)
  let crc = ~seed
  for (let at = 0; at < digits.length; at += 1) {
    crc = (TABLE[(crc ^ digits.charCodeAt(at)) & 0xff] ?? 0) ^ (crc >>> 8)
  }
  return ~crc >>> 0
}
