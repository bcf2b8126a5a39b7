/**
 * Readers that do not read. Its one argument is JSON. `deaf` ones keep their calls alive and never look at
 * what their subscription brings; those that are to be stopped are ordinary readers until SIGSTOP.
 */
import { XSubscriber } from 'zeromq'
import { connect } from '../../../clients/sdk/index.ts'

export interface StalledOptions {
  readonly endpoint: string
  readonly session: string
  readonly readers: number
  readonly kind: 'deaf' | 'stopped'
}

const SUBSCRIBE = 1

async function deafReader({ endpoint, session }: StalledOptions): Promise<void> {
  const client = await connect({ endpoint, connectTimeoutMs: 60_000 })
  const { ticket } = await client.call('stream.open', { session })
  const socket = new XSubscriber({ linger: 0 })
  socket.connect(client.welcome.streams)
  await socket.send(Buffer.concat([Buffer.of(SUBSCRIBE), Buffer.from(ticket)]))
  await socket.receive() // the first message proves that the subscription lives; no more is read
  kept.push(socket)
}

async function ordinaryReader({ endpoint, session }: StalledOptions): Promise<void> {
  const client = await connect({ endpoint, connectTimeoutMs: 60_000 })
  const items = client.follow(session)
  await items.next()
  void drain(items)
}

async function drain(items: AsyncIterable<unknown>): Promise<void> {
  for await (const item of items) if (item === undefined) return
}

/** What is collected would be closed. */
const kept: unknown[] = []

const options = JSON.parse(process.argv[2] ?? '{}') as StalledOptions
process.on('disconnect', () => process.exit(0))
const begin = options.kind === 'deaf' ? deafReader : ordinaryReader
await Promise.all(Array.from({ length: options.readers }, () => begin(options)))
process.send?.({ type: 'ready' })
