/**
 * Which principal a host id belongs to: the one that registered it first, also after a restart. Sessions are
 * leased to host ids, so whoever takes an id over gets their prompts, environments and questions. Names are kept
 * as well: people say where a session should run by name.
 */

import { ProtocolError } from '../../protocol/errors.ts'
import { matches } from '../../protocol/schema.ts'
import { type Static, Type } from '../../protocol/typebox.ts'
import type { Journal, JournalOperation } from '../journal/journal.ts'

const PREFIX = 'host-owner/'

/** Whoever reaches the ipc socket is the local user, with every right: there is nobody to protect from it. */
const LOCAL = 'local'

/** Host ids of one other principal: it is one key on one machine, which has hosts of several names at most. */
export const MAX_HOSTS_OF_ONE = 64

const Owner = Type.Object({
  principal: Type.String(),
  name: Type.String(),
})
type Owner = Readonly<Static<typeof Owner>>

export interface Claim {
  readonly id: string
  readonly name: string
  readonly principal: string
}

export interface OwnersOptions {
  /** Ids that are remembered in all. */
  readonly limit: number
  /** Whether the id is of a host that is here, or has sessions. */
  readonly isNeeded: (id: string) => boolean
}

export class HostOwners {
  /** By host id; the one that was claimed first comes first. */
  readonly #owners = new Map<string, Owner>()
  /** Ids whose record cannot be read: that they belong to somebody is all that is known. */
  readonly #damaged = new Set<string>()

  constructor(journal: Pick<Journal, 'entries' | 'damaged'>) {
    for (const { key, value } of journal.entries('meta')) {
      if (!key.startsWith(PREFIX)) continue
      const id = key.slice(PREFIX.length)
      if (matches(Owner, value)) this.#owners.set(id, value)
      else this.#damaged.add(id)
    }
    for (const key of journal.damaged('meta')) {
      if (key.startsWith(PREFIX)) this.#damaged.add(key.slice(PREFIX.length))
    }
  }

  get size(): number {
    return this.#owners.size
  }

  /** What is to be written; nothing when it is known already. Throws HOST_TAKEN, LIMIT_REACHED or OVERLOADED. */
  claim(claim: Claim, options: OwnersOptions): JournalOperation[] {
    const { id, name, principal } = claim
    const owner = this.#owners.get(id)
    if (principal !== LOCAL) this.#requireFree(claim, owner)
    if (owner && (owner.principal !== principal || owner.name === name)) return []
    const dropped = owner ? [] : this.#makeRoom(principal, options)
    return [...dropped, this.#keep(id, { principal, name })]
  }

  /** The record of an id, for a write that has failed; nothing when it is not kept any more. */
  again(id: string): JournalOperation[] {
    const owner = this.#owners.get(id)
    return owner ? [put(id, owner)] : []
  }

  #requireFree({ id, name, principal }: Claim, owner: Owner | undefined): void {
    const isOthers = owner !== undefined && owner.principal !== principal
    if (isOthers || this.#damaged.has(id)) throw taken(`the host id ${id}`)
    if (owner?.name === name) return
    for (const [other, its] of this.#owners) {
      if (its.principal === principal || other === id) continue
      // Where a host is meant by name, an id that looks like one would be found first.
      if (its.name === name || other === name) throw taken(`the host name ${name}`)
      if (its.name === id) throw taken(`the host id ${id}`)
    }
  }

  /** Lets go of ids that mean nothing any more, when there are too many. */
  #makeRoom(principal: string, { limit, isNeeded }: OwnersOptions): JournalOperation[] {
    const dropped: JournalOperation[] = []
    const own = [...this.#owners].filter(([, owner]) => owner.principal === principal)
    if (principal !== LOCAL && own.length >= MAX_HOSTS_OF_ONE) {
      const [oldest] = own.find(([id]) => !isNeeded(id)) ?? []
      const details = { what: `the hosts of ${principal}`, limit: MAX_HOSTS_OF_ONE }
      if (oldest === undefined) throw new ProtocolError('LIMIT_REACHED', details)
      dropped.push(this.#drop(oldest))
    }
    if (this.#owners.size >= limit) {
      const oldest = [...this.#owners.keys()].find((id) => !isNeeded(id))
      const details = { what: 'the table of hosts', limit }
      if (oldest === undefined) throw new ProtocolError('OVERLOADED', details)
      dropped.push(this.#drop(oldest))
    }
    return dropped
  }

  #keep(id: string, owner: Owner): JournalOperation {
    this.#owners.set(id, owner)
    this.#damaged.delete(id)
    return put(id, owner)
  }

  #drop(id: string): JournalOperation {
    this.#owners.delete(id)
    return { op: 'delete', table: 'meta', key: PREFIX + id }
  }
}

function put(id: string, owner: Owner): JournalOperation {
  return { op: 'put', table: 'meta', key: PREFIX + id, value: owner }
}

function taken(what: string): ProtocolError {
  return new ProtocolError('HOST_TAKEN', { what })
}
