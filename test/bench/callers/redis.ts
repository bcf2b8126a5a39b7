/** GET of Redis. */
import type { Caller } from './caller.ts'
import { connectRedis } from './redis-client.ts'

export const KEY = 'bench'

export async function redisGetCaller(cache: string, path: string): Promise<Caller> {
  const client = await connectRedis(cache, path)
  return { call: () => client.get(KEY) }
}
