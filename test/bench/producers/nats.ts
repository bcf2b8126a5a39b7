/** Publishes to JetStream, which acknowledges each message, or to core NATS, which does not. */
import { connectNats, jetStreamOf } from '../callers/nats-client.ts'
import type { Producer } from './producer.ts'

export const CHUNKS = { stream: 'CHUNKS', subjects: 'chunks.*' } as const
/** Thousands wait for a server that syncs one message at a time, ms. */
const TIMEOUT_MS = 120_000

export const subjectOf = (stream: number): string => `chunks.${stream}`

export async function jetStreamProducer(cache: string, url: string): Promise<Producer> {
  const jetStream = jetStreamOf(cache, await connectNats(cache, url))
  const options = { timeout: TIMEOUT_MS }
  return {
    append: (text, stream) => jetStream.publish(subjectOf(stream), Buffer.from(text), options),
  }
}

export async function natsProducer(cache: string, url: string): Promise<Producer> {
  const connection = await connectNats(cache, url)
  return {
    append: async (text, stream) => connection.publish(subjectOf(stream), Buffer.from(text)),
  }
}
