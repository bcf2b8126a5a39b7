/** Reads a stream of JetStream with an ordered consumer, or subjects of core NATS. */
import { connectNats, jetStreamOf } from '../callers/nats-client.ts'
import { CHUNKS, subjectOf } from '../producers/nats.ts'
import type { StartReading } from './reader.ts'

/** Messages that the client asks for at a time; fewer are slower. */
const MAX_MESSAGES = 5000

export async function jetStreamReader(cache: string, url: string): Promise<StartReading> {
  const jetStream = jetStreamOf(cache, await connectNats(cache, url))
  return async (onText) => {
    const consumer = await jetStream.consumers.get(CHUNKS.stream)
    const callback = ({ data }: { readonly data: Uint8Array }) => onText(textOf(data))
    const messages = await consumer.consume({ max_messages: MAX_MESSAGES, callback })
    return { gaps: 0, stop: () => messages.close() }
  }
}

export async function natsReader(
  cache: string,
  url: string,
  streams: readonly number[],
): Promise<StartReading> {
  const connection = await connectNats(cache, url)
  return async (onText) => {
    for (const stream of streams) {
      connection.subscribe(subjectOf(stream), {
        callback: (_error, { data }) => onText(textOf(data)),
      })
    }
    await connection.flush()
    return { gaps: 0, stop: () => connection.close() }
  }
}

function textOf(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('latin1')
}
