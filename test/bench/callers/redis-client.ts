/** As much of the client of Redis as the bench uses, loaded from the cache of the bench. */
import { createRequire } from 'node:module'
import { join } from 'node:path'

export interface StreamEntry {
  readonly id: string
  readonly message: Readonly<Record<string, string>>
}

export interface RedisClient {
  on(event: 'error', listener: (error: Error) => void): unknown
  connect(): Promise<unknown>
  close(): Promise<unknown>
  destroy(): void
  get(key: string): Promise<string | null>
  set(key: string, value: string): Promise<unknown>
  xAdd(key: string, id: '*', fields: Readonly<Record<string, string>>): Promise<string>
  xRange(
    key: string,
    start: string,
    end: string,
    options: { readonly COUNT: number },
  ): Promise<StreamEntry[]>
  xRead(
    streams: { readonly key: string; readonly id: string },
    options: { readonly COUNT: number; readonly BLOCK: number },
  ): Promise<readonly { readonly messages: readonly StreamEntry[] }[] | null>
}

interface RedisModule {
  createClient(options: { readonly socket: { readonly path: string } }): RedisClient
}

/** `cache` is where the clients are installed, `path` the Unix socket of the server. */
export async function connectRedis(cache: string, path: string): Promise<RedisClient> {
  const module = createRequire(join(cache, 'package.json'))('redis') as RedisModule
  const client = module.createClient({ socket: { path } })
  client.on('error', () => undefined) // what is under way fails by itself
  await client.connect()
  return client
}
