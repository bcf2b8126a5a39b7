/** Calls of the SDK. */
import { type Client, connect } from '../../../clients/sdk/index.ts'
import { type AgentmqOptions, BODY_BYTES, type Caller } from './caller.ts'

export async function agentmqCaller({ connect: place, what }: AgentmqOptions): Promise<Caller> {
  const client = await connect(place)
  if (what.method === 'state.get')
    return { call: () => client.call('state.get', { key: what.key }) }
  return { call: brokered(client, what) }
}

interface Brokered {
  readonly session: string
  readonly isJournalled: boolean
}

/** What changes nothing is not kept by the broker, so it goes through as NATS' messages do. */
function brokered(client: Client, { session, isJournalled }: Brokered): Caller['call'] {
  const text = 'x'.repeat(BODY_BYTES)
  if (isJournalled) return () => client.call('session.write', { session, line: text })
  return () => client.call('session.probe', { session, data: text })
}
