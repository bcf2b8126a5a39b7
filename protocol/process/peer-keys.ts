/**
 * The keys with which a process reaches a broker of another machine: its own pair, and what is known of the
 * broker's keys. When a broker says that it will change its key, the next one is remembered beside the pair.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { AccessSettings, Places } from '../endpoints.ts'
import { ProtocolError } from '../errors.ts'
import type { RandomBytes } from '../ids.ts'
import { isKey } from '../keys/key-pair.ts'
import { KeyRing } from '../keys/key-ring.ts'
import type { PeerKeys } from '../keys/peer-keys.ts'
import { checked } from '../schema.ts'
import { type Static, Type } from '../typebox.ts'
import { ownKeys } from './key-file.ts'

/** Which key comes after which, and whether the broker was reached under that already. */
const Successors = Type.Record(
  Type.String(),
  Type.Object({ next: Type.String(), worked: Type.Boolean() }, { additionalProperties: false }),
)
type Successors = Static<typeof Successors>

/** Most that are followed from one key, and kept in all. */
const MAX_SUCCESSORS = 64

export interface KnownKeys {
  readonly keys: PeerKeys
  /** The broker told its next key. Throws BAD_CONFIG when it cannot be remembered. */
  readonly learn: (next: string) => void
}

export interface KeyPlaces {
  readonly settings: AccessSettings
  readonly places: Pick<Places, 'endpoint' | 'stateDir'>
  /** Names the file of the own pair when nobody does. */
  readonly name: string
}

/** The file of the own pair. */
export function peerKeyPath({ settings, places, name }: KeyPlaces): string {
  return settings.key_file ?? join(places.stateDir, 'keys', `${name}.key`)
}

/** Undefined when the endpoint needs none. Throws BAD_CONFIG. */
export function peerKeys(where: KeyPlaces, random: RandomBytes): KnownKeys | undefined {
  const { settings, places } = where
  const { broker_key } = settings
  if (broker_key === undefined || !places.endpoint.startsWith('tcp://')) return undefined
  if (!isKey(broker_key)) {
    const reason = 'is no public key: 40 characters of Z85 are expected'
    throw new ProtocolError('BAD_CONFIG', { source: 'broker_key', reason })
  }
  const own = ownKeys(peerKeyPath(where), random)
  const file = join(places.stateDir, 'keys', 'brokers.json')
  const ring = new KeyRing(chain(broker_key, readSuccessors(file)), (retired, next) => {
    try {
      for (const key of retired) remember(file, key, { next, worked: true })
    } catch {
      // Not to be written: in this run it counts all the same, and the next one finds out again.
    }
  })
  return {
    keys: { own, ring },
    learn: (next) => {
      if (!isKey(next) || !ring.learn(next)) return
      remember(file, ring.proven, { next, worked: false })
    },
  }
}

/** From the first key: the last one that is known to have worked, and those that may come after it. */
function chain(first: string, successors: Successors): string[] {
  const seen = new Set([first])
  let keys = [first]
  for (let at = successors[first]; at !== undefined; at = successors[at.next]) {
    if (seen.has(at.next) || seen.size >= MAX_SUCCESSORS) break
    seen.add(at.next)
    keys = at.worked ? [at.next] : [...keys, at.next]
  }
  return keys
}

function readSuccessors(file: string): Successors {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return {}
    throw new ProtocolError('BAD_CONFIG', { source: file, reason: 'cannot be read' }, { cause })
  }
  try {
    return checked(Successors, JSON.parse(text), 'BAD_CONFIG', { source: file })
  } catch (cause) {
    const reason = 'is damaged; remove it, and name the present key with broker_key'
    throw new ProtocolError('BAD_CONFIG', { source: file, reason }, { cause })
  }
}

function remember(file: string, key: string, successor: Successors[string]): void {
  const known = Object.entries(readSuccessors(file)).filter(([one]) => one !== key)
  const kept = [...known, [key, successor]].slice(-MAX_SUCCESSORS)
  const draft = `${file}.${process.pid}`
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  writeFileSync(draft, `${JSON.stringify(Object.fromEntries(kept), null, 2)}\n`, { mode: 0o600 })
  renameSync(draft, file)
}
