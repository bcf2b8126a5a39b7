/** XREAD of Redis Streams, waiting for more at the end. */
import { connectRedis, type RedisClient } from '../callers/redis-client.ts'
import { streamKey } from '../producers/redis.ts'
import type { OnText, StartReading } from './reader.ts'

/** Entries of one answer; larger answers are no faster. */
const COUNT = 1000

export async function redisReader(cache: string, path: string): Promise<StartReading> {
  return async (onText) => {
    // A connection of its own, because nothing else gets through on one that waits.
    const client = await connectRedis(cache, path)
    const stopping = new AbortController()
    void read(client, onText, stopping.signal)
    return {
      gaps: 0,
      stop: async () => {
        stopping.abort()
        client.destroy()
      },
    }
  }
}

async function read(client: RedisClient, onText: OnText, stopping: AbortSignal): Promise<void> {
  try {
    for (let id = '0'; !stopping.aborted; ) {
      const streams = await client.xRead({ key: streamKey(0), id }, { COUNT, BLOCK: 1000 })
      for (const entry of streams?.[0]?.messages ?? []) {
        id = entry.id
        onText(entry.message['text'] ?? '')
      }
    }
  } catch (thrown) {
    if (!stopping.aborted) throw thrown
  }
}
