/** Z85, the text form of 32-byte keys in ZeroMQ (ZeroMQ RFC 32). Pure. */

const ALPHABET =
  '0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#'

const VALUES: ReadonlyMap<string, number> = new Map(Array.from(ALPHABET, (char, at) => [char, at]))

/** Bytes of a key, and the characters of its text. */
export const KEY_BYTES = 32
export const KEY_CHARS = 40

/** A length that is no multiple of 4 is a defect of the caller. */
export function z85Encode(bytes: Uint8Array): string {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let text = ''
  for (let at = 0; at < bytes.byteLength; at += 4) text += word(view.getUint32(at))
  return text
}

function word(value: number): string {
  let rest = value
  let text = ''
  for (let index = 0; index < 5; index += 1) {
    text = ALPHABET.charAt(rest % 85) + text
    rest = Math.floor(rest / 85)
  }
  return text
}

/** The 32 bytes of a key; undefined when the text is none. */
export function keyBytes(text: string): Buffer | undefined {
  if (text.length !== KEY_CHARS) return undefined
  const bytes = Buffer.alloc(KEY_BYTES)
  for (let at = 0; at < KEY_CHARS; at += 5) {
    const value = wordValue(text.slice(at, at + 5))
    if (value === undefined) return undefined
    bytes.writeUInt32BE(value, (at / 5) * 4)
  }
  return bytes
}

function wordValue(chars: string): number | undefined {
  let value = 0
  for (const char of chars) {
    const digit = VALUES.get(char)
    if (digit === undefined) return undefined
    value = value * 85 + digit
  }
  return value > 0xffff_ffff ? undefined : value
}
