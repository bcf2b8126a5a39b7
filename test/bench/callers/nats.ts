/** Requests of NATS: to a responder, or to the server for the last message of a stream. */
import { BODY_BYTES, type Caller } from './caller.ts'
import { connectNats, jetStreamManager } from './nats-client.ts'

export const SUBJECT = 'bench.calls'
export const VALUES = { stream: 'VALUES', subject: 'values.bench' } as const

/** Long enough that none fails on a busy machine, ms. */
const TIMEOUT_MS = 30_000

export async function natsCaller(cache: string, url: string): Promise<Caller> {
  const connection = await connectNats(cache, url)
  const body = Buffer.alloc(BODY_BYTES, 'x')
  return { call: () => connection.request(SUBJECT, body, { timeout: TIMEOUT_MS }) }
}

/** What the key-value store of JetStream does for `get`. */
export async function jetStreamGetCaller(cache: string, url: string): Promise<Caller> {
  const connection = await connectNats(cache, url)
  const manager = await jetStreamManager(cache, connection)
  const { stream, subject } = VALUES
  return { call: () => manager.direct.getMessage(stream, { last_by_subj: subject }) }
}
