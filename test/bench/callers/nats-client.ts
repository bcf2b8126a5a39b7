/** As much of the clients of NATS as the bench uses, loaded from the cache of the bench. */
import { createRequire } from 'node:module'
import { join } from 'node:path'

export interface NatsMessage {
  readonly data: Uint8Array
  respond(data: Uint8Array): boolean
}

export interface NatsConnection {
  request(subject: string, data: Uint8Array, options?: { timeout: number }): Promise<NatsMessage>
  publish(subject: string, data: Uint8Array): void
  subscribe(
    subject: string,
    options: { callback: (error: Error | null, message: NatsMessage) => void },
  ): unknown
  flush(): Promise<void>
  close(): Promise<void>
}

export interface StreamMessage {
  readonly seq: number
  readonly data: Uint8Array
}

export interface StreamConsumer {
  consume(options: {
    readonly max_messages: number
    readonly callback: (message: StreamMessage) => void
  }): Promise<{ close(): Promise<unknown> }>
}

export interface JetStream {
  readonly consumers: { get(stream: string): Promise<StreamConsumer> }
  publish(
    subject: string,
    data: Uint8Array,
    options?: { readonly timeout: number },
  ): Promise<{ readonly seq: number }>
}

export interface JetStreamManager {
  readonly streams: { add(config: object): Promise<unknown> }
  readonly direct: {
    getMessage(stream: string, query: { last_by_subj: string }): Promise<StreamMessage | null>
  }
}

interface Transport {
  connect(options: { servers: string }): Promise<NatsConnection>
}

interface JetStreamModule {
  jetstream(connection: NatsConnection): JetStream
  jetstreamManager(connection: NatsConnection): Promise<JetStreamManager>
}

/** `cache` is where the clients are installed. */
export function connectNats(cache: string, url: string): Promise<NatsConnection> {
  const transport = load(cache, '@nats-io/transport-node') as Transport
  return transport.connect({ servers: url })
}

export function jetStreamOf(cache: string, connection: NatsConnection): JetStream {
  return (load(cache, '@nats-io/jetstream') as JetStreamModule).jetstream(connection)
}

export function jetStreamManager(
  cache: string,
  connection: NatsConnection,
): Promise<JetStreamManager> {
  return (load(cache, '@nats-io/jetstream') as JetStreamModule).jetstreamManager(connection)
}

function load(cache: string, name: string): unknown {
  return createRequire(join(cache, 'package.json'))(name)
}
