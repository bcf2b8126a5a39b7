/**
 * The bytes of `write_stdin`. Clients send base64, the old documents show plain text, and a later server took
 * an array of bytes. Without `encoding`, data is base64 when it is exactly that and holds UTF-8, else text:
 * a word such as `test` is four characters of base64 too, but not of any text.
 */
import { CommandFailed } from './command-failed.ts'
import type { Json } from './wire-types.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export interface StdinData {
  readonly text: string
  /** As the client counts them. */
  readonly bytes: number
}

/** Throws CommandFailed. */
export function stdinData(payload: Json | null): StdinData {
  const { data, encoding } = membersOf(payload)
  if (Array.isArray(data)) return fromBytes(bytesOf(data as readonly Json[]))
  if (typeof data !== 'string') throw new CommandFailed('write_stdin needs {"data": …} as text')
  switch (encoding) {
    case undefined:
    case null:
      return fromBase64(data) ?? fromText(data)
    case 'utf8':
    case 'utf-8':
    case 'text':
      return fromText(data)
    case 'base64':
      return fromBase64(data) ?? refuse('data is not base64 of UTF-8 text')
    default:
      return refuse('encoding is base64 or utf8')
  }
}

function refuse(reason: string): never {
  throw new CommandFailed(`write_stdin: ${reason}`)
}

function fromText(text: string): StdinData {
  return { text, bytes: Buffer.byteLength(text) }
}

function fromBase64(data: string): StdinData | undefined {
  const bytes = Buffer.from(data, 'base64')
  if (bytes.toString('base64') !== data) return undefined
  try {
    return { text: utf8.decode(bytes), bytes: bytes.length }
  } catch {
    return undefined
  }
}

function bytesOf(items: readonly Json[]): Buffer {
  const isByte = (item: Json): item is number =>
    typeof item === 'number' && Number.isInteger(item) && item >= 0 && item <= 0xff
  if (!items.every(isByte)) return refuse('an array as data holds bytes, 0 to 255')
  return Buffer.from(items)
}

function fromBytes(bytes: Buffer): StdinData {
  try {
    return { text: utf8.decode(bytes), bytes: bytes.length }
  } catch {
    return refuse('data is not UTF-8')
  }
}

/** Members of a payload; none when it is no object. */
export function membersOf(payload: Json | null): Readonly<Record<string, Json | undefined>> {
  if (payload === null || typeof payload !== 'object' || Array.isArray(payload)) return {}
  return payload as Readonly<Record<string, Json>>
}
