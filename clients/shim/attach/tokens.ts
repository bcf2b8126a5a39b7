/**
 * Tokens that open attach sockets. Only a hash of each is kept, with the broker, so that a token outlives the
 * shim and nobody who reads what is kept can use it. Never logged.
 */
import { createHash } from 'node:crypto'
import type { KeyStore } from './key-store.ts'

export const TOKEN_PREFIX = 'shim/attach/'

export interface TokenPorts {
  readonly store: KeyStore
  /** Ms since 1970. */
  readonly wall: () => number
  readonly uuid: () => string
  readonly ttlMs: number
}

/** What a token opens, and for whom. */
export interface Opened {
  readonly agent: string
  /** The user that asked for it, with whose rights it is used; undefined = the shim itself. */
  readonly user: string | undefined
}

interface Kept {
  readonly agent: string
  readonly user?: string
  /** Ms since 1970. */
  readonly expires_at: number
  readonly is_revoked: boolean
}

export class AttachTokens {
  readonly #ports: TokenPorts

  constructor(ports: TokenPorts) {
    this.#ports = ports
  }

  async issue(
    agent: string,
    user?: string,
  ): Promise<{ readonly token: string; readonly expiresAt: number }> {
    const { store, wall, uuid, ttlMs } = this.#ports
    const token = uuid()
    const expiresAt = wall() + ttlMs
    const who = { agent, ...(user !== undefined && { user }) }
    const kept: Kept = { ...who, expires_at: expiresAt, is_revoked: false }
    await store.set(keyOf(token), { ...kept })
    return { token, expiresAt }
  }

  /** What a token opens; undefined when that is nothing (any more). */
  async openedBy(token: string): Promise<Opened | undefined> {
    const kept = keptOf(await this.#ports.store.get(keyOf(token)))
    return kept && this.#isValid(kept) ? { agent: kept.agent, user: kept.user } : undefined
  }

  /** Whether there is such a token, revoked or not; its agent when there is. */
  async revoke(token: string): Promise<string | undefined> {
    const { store, wall } = this.#ports
    const kept = keptOf(await store.get(keyOf(token)))
    if (!kept || kept.expires_at <= wall()) return undefined
    if (!kept.is_revoked) await store.set(keyOf(token), { ...kept, is_revoked: true })
    return kept.agent
  }

  /** Takes those away whose time is over, and tells which agents the others open. */
  async sweep(): Promise<ReadonlySet<string>> {
    const { store, wall } = this.#ports
    const agents = new Set<string>()
    for (const [key, value] of await store.list(TOKEN_PREFIX)) {
      const kept = keptOf(value)
      if (!kept || kept.expires_at <= wall()) await store.delete(key)
      else if (this.#isValid(kept)) agents.add(kept.agent)
    }
    return agents
  }

  #isValid({ expires_at, is_revoked }: Kept): boolean {
    return !is_revoked && expires_at > this.#ports.wall()
  }
}

/** What stands for a token where it must not be known itself. */
export function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}

function keyOf(token: string): string {
  return TOKEN_PREFIX + hashOf(token)
}

function keptOf(value: unknown): Kept | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { agent, user, expires_at, is_revoked } = value as Partial<Record<keyof Kept, unknown>>
  if (typeof agent !== 'string' || typeof expires_at !== 'number') return undefined
  if (user !== undefined && typeof user !== 'string') return undefined
  const who = { agent, ...(user !== undefined && { user }) }
  return { ...who, expires_at, is_revoked: is_revoked === true }
}
