/** Calls of the SDK. */
import { type Client, connect } from '../../../clients/sdk/index.ts'
import { type AgentmqOptions, BODY_BYTES, type Caller } from './caller.ts'

export async function agentmqCaller({ connect: place, what }: AgentmqOptions): Promise<Caller> {
  const client = await connect(place)
  if (what.method === 'state.get')
    return { call: () => client.call('state.get', { key: what.key }) }
  return { call: writer(client, what) }
}

interface Writing {
  readonly session: string
  readonly isJournalled: boolean
}

/** Without an idempotency key the broker has nothing to keep, so the call goes through as NATS' does. */
function writer(client: Client, { session, isJournalled }: Writing): Caller['call'] {
  const params = { session, line: 'x'.repeat(BODY_BYTES) }
  const options = isJournalled ? {} : { idempotencyKey: '' }
  return () => client.call('session.write', params, options)
}
