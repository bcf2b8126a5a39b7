/**
 * Key pairs on disk: one JSON object in a file that nobody but its owner may read. Broker, hosts and
 * clients keep theirs in this form. Never puts a secret into an error.
 */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { ProtocolError } from '../errors.ts'
import type { RandomBytes } from '../ids.ts'
import { type KeyPair, newKeyPair, publicKeyOf } from '../keys/key-pair.ts'
import { KEY_CHARS } from '../keys/z85.ts'
import { matches } from '../schema.ts'
import { type Static, Type } from '../typebox.ts'
import { foreign } from './private-place.ts'

const key = Type.String({ minLength: KEY_CHARS, maxLength: KEY_CHARS })
const Pair = Type.Object({ public: key, secret: key }, { additionalProperties: false })

/** What such a file holds; `next` is that of a broker that is about to change its key. */
const KeyFile = Type.Object(
  { agentmq_key: Type.Literal(1), public: key, secret: key, next: Type.Optional(Pair) },
  { additionalProperties: false },
)

export interface StoredKeys {
  readonly current: KeyPair
  readonly next?: KeyPair | undefined
}

/** Undefined when there is no such file. Throws BAD_CONFIG for one that others may read, or that is no key. */
export function readKeys(path: string): StoredKeys | undefined {
  const text = readPrivate(path)
  if (text === undefined) return undefined
  const { public: publicKey, secret: secretKey, next } = parsed(path, text)
  const keys = { current: { publicKey, secretKey } }
  const all = { ...keys, ...(next && { next: { publicKey: next.public, secretKey: next.secret } }) }
  for (const pair of [all.current, all.next]) if (pair) checkPair(path, pair)
  return all
}

/** Reads the pair, or makes one. Throws BAD_CONFIG. */
export function ownKeys(path: string, random: RandomBytes): KeyPair {
  const known = readKeys(path)
  if (known) return known.current
  const pair = newKeyPair(random)
  if (create(path, { current: pair })) return pair
  // Another process of the same user was quicker.
  return readKeys(path)?.current ?? pair
}

/** Replaces the file, with all of it on disk. Throws BAD_CONFIG. */
export function writeKeys(path: string, keys: StoredKeys): void {
  place(path, keys, renameSync)
}

/** False when the file is there. Throws BAD_CONFIG. */
function create(path: string, keys: StoredKeys): boolean {
  try {
    place(path, keys, (draft) => linkSync(draft, path))
    return true
  } catch (thrown) {
    if (thrown instanceof ProtocolError && codeOf(thrown.cause) === 'EEXIST') return false
    throw thrown
  }
}

function place(path: string, keys: StoredKeys, move: (draft: string, path: string) => void): void {
  const draft = `${path}.${process.pid}`
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    const file = openSync(draft, 'wx', 0o600)
    try {
      writeSync(file, `${JSON.stringify(textOf(keys), null, 2)}\n`)
      fsyncSync(file)
    } finally {
      closeSync(file)
    }
    move(draft, path)
  } catch (cause) {
    throw bad(path, `cannot be written (${String(codeOf(cause))})`, cause)
  } finally {
    discard(draft)
  }
}

/** Whatever keeps it from going has been told already. */
function discard(draft: string): void {
  try {
    rmSync(draft, { force: true })
  } catch {
    // There is no directory that it could be in.
  }
}

function textOf({ current, next }: StoredKeys): Static<typeof KeyFile> {
  const pair = (keys: KeyPair) => ({ public: keys.publicKey, secret: keys.secretKey })
  return { agentmq_key: 1, ...pair(current), ...(next && { next: pair(next) }) }
}

function readPrivate(path: string): string | undefined {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined
    throw bad(path, `cannot be read (${String(codeOf(cause))})`, cause)
  }
  try {
    const facts = fstatSync(file)
    const { mode } = facts
    const another = foreign(facts, process.geteuid?.())
    if (another !== undefined) throw bad(path, `${another}, who knows the key as well`)
    if ((mode & 0o077) !== 0) {
      const octal = (mode & 0o777).toString(8)
      throw bad(path, `others may read it (mode ${octal}); say chmod 600, and think of a new key`)
    }
    return readFileSync(file, 'utf8')
  } finally {
    closeSync(file)
  }
}

function parsed(path: string, text: string): Static<typeof KeyFile> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw bad(path, 'is no key file: it is no JSON') // what JSON.parse says quotes the text
  }
  // What a check says may quote what stands there in place of a name.
  if (!matches(KeyFile, value)) throw bad(path, 'is no key file: its fields are not those of one')
  return value
}

function checkPair(path: string, { publicKey, secretKey }: KeyPair): void {
  if (publicKeyOf(secretKey) === publicKey) return
  throw bad(path, 'its secret key does not belong to its public key')
}

function bad(path: string, reason: string, cause?: unknown): ProtocolError {
  return new ProtocolError('BAD_CONFIG', { source: path, reason }, { cause })
}

function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
}
