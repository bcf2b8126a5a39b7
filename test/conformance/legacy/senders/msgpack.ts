/** Between the JSON of a case and MessagePack: `{"$bin": hex}` stands for bin. */
import { Packr, Unpackr } from 'msgpackr'
import { ExactNumber, isArray, isObject, type Json } from '../exact-json.ts'

const packr = new Packr({ useRecords: false, variableMapSize: true })
const unpackr = new Unpackr({ useRecords: false, mapsAsObjects: true, int64AsType: 'bigint' })

export function packed(json: Json): Buffer {
  return packr.pack(plain(json))
}

/** Throws when it is no MessagePack, or something follows. */
export function unpacked(bytes: Uint8Array): Json {
  return json(unpackr.unpack(bytes))
}

function plain(value: Json): unknown {
  if (value instanceof ExactNumber) {
    return /^-?\d+$/.test(value.text) ? BigInt(value.text) : Number(value.text)
  }
  if (isArray(value)) return value.map(plain)
  if (!isObject(value)) return value
  const bin = value['$bin']
  if (typeof bin === 'string') return Buffer.from(bin, 'hex')
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plain(item)]))
}

function json(value: unknown): Json {
  if (value instanceof Uint8Array) return { $bin: Buffer.from(value).toString('hex') }
  if (typeof value === 'bigint') return new ExactNumber(String(value))
  if (Array.isArray(value)) return value.map(json)
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, json(item)]))
  }
  if (value === null || typeof value === 'string' || typeof value === 'number') return value
  if (typeof value === 'boolean') return value
  throw new Error(`MessagePack with something that no JSON has: ${typeof value}`)
}
