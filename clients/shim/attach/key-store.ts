/** What the attach sockets keep beyond the life of a shim: a few keys of the broker's state. */

import { ProtocolError } from '../../../protocol/errors.ts'
import type { JsonObject } from '../../../protocol/json.ts'
import type { Client } from '../../sdk/index.ts'

export interface KeyStore {
  /** Undefined when there is none. */
  get(key: string): Promise<unknown>
  set(key: string, value: JsonObject): Promise<void>
  delete(key: string): Promise<void>
  list(prefix: string): Promise<readonly (readonly [key: string, value: unknown])[]>
}

export function brokerStore(client: Client): KeyStore {
  return {
    get: (key) => orNone(client.call('state.get', { key }).then(({ value }) => value)),
    set: async (key, value) => {
      await client.call('state.set', { key, value })
    },
    delete: async (key) => {
      await orNone(client.call('state.delete', { key }))
    },
    list: (prefix) => listAll(client, prefix),
  }
}

async function orNone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (thrown) {
    if (ProtocolError.from(thrown, 'client').code === 'NO_SUCH_KEY') return undefined
    throw thrown
  }
}

async function listAll(client: Client, prefix: string): Promise<(readonly [string, unknown])[]> {
  const found: (readonly [string, unknown])[] = []
  for (let after: string | undefined; ; ) {
    const page = after === undefined ? {} : { after }
    const { entries, next } = await client.call('state.list', { prefix, values: true, ...page })
    found.push(...entries.map(({ key, value }) => [key, value] as const))
    if (next === undefined) return found
    after = next
  }
}
