/** XADD of Redis Streams. */
import { connectRedis } from '../callers/redis-client.ts'
import type { Producer } from './producer.ts'

export const streamKey = (stream: number): string => `chunks:${stream}`

export async function redisProducer(cache: string, path: string): Promise<Producer> {
  const client = await connectRedis(cache, path)
  return { append: (text, stream) => client.xAdd(streamKey(stream), '*', { text }) }
}
