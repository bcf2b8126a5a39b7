/** Positions of chats in the key-value state of the broker. */
import { type Client, ProtocolError } from '../../sdk/index.ts'
import type { PositionRecord, PositionStore } from './positions.ts'

const KEY = 'shim/pub/'

export function statePositions(client: Client): PositionStore {
  return {
    load: async (shard) => {
      try {
        return toRecord((await client.call('state.get', { key: KEY + shard })).value)
      } catch (thrown) {
        if (ProtocolError.from(thrown, 'client').code === 'NO_SUCH_KEY') return {}
        throw thrown
      }
    },
    save: async (shard, positions) => {
      await client.call('state.set', { key: KEY + shard, value: { ...positions } })
    },
  }
}

/** Anybody may write there, so what is no position is none. */
function toRecord(value: unknown): PositionRecord {
  if (typeof value !== 'object' || value === null) return {}
  const entries = Object.entries(value).filter(([, seq]) => Number.isSafeInteger(seq) && seq >= 0)
  return Object.fromEntries(entries) as Record<string, number>
}
