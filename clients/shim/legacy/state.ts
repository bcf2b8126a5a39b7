/** state.query over the keys of the broker: those of an agent begin with `agent/ID/`. */
import { requireAgent } from './agents.ts'
import { isCode } from './failures.ts'
import type { LegacyPorts } from './ports.ts'
import { stateFailed } from './rpc-error.ts'
import { rfc3339 } from './times.ts'

/** Keys of the shim itself, which are nobody else's business: they hold tokens. */
export const OWN_PREFIX = 'shim/'
/** Most entries of one answer; who has more asks for a key. */
const MAX_ENTRIES = 1000
const PAGE = 100

interface StateQuery {
  readonly agent_id: string | null
  readonly key: string | null
}

export async function queryState(ports: LegacyPorts, { agent_id, key }: StateQuery) {
  const timestamp = rfc3339(ports.wall())
  const agent = agent_id === null ? undefined : await requireAgent(ports, agent_id)
  const prefix = agent ? `agent/${agent.session}/` : ''
  const state = key === null ? await entries(ports, prefix) : await entry(ports, prefix, key)
  return { state, timestamp }
}

/** Nothing when there is no such key, or there can be none. */
async function entry({ client }: LegacyPorts, prefix: string, name: string): Promise<object> {
  const key = `${prefix}${name}`
  if (key.startsWith(OWN_PREFIX) || !/^[ -~]{1,256}$/.test(key)) return {}
  try {
    return { [name]: (await client.call('state.get', { key })).value }
  } catch (thrown) {
    if (isCode(thrown, 'NO_SUCH_KEY')) return {}
    throw thrown
  }
}

async function entries({ client }: LegacyPorts, prefix: string): Promise<object> {
  const found: [string, unknown][] = []
  let after: string | undefined
  do {
    const page = await client.call('state.list', {
      prefix,
      values: true,
      limit: PAGE,
      ...(after !== undefined && { after }),
    })
    for (const { key, value } of page.entries) {
      if (!key.startsWith(OWN_PREFIX)) found.push([key.slice(prefix.length), value])
    }
    if (found.length > MAX_ENTRIES) {
      throw stateFailed(`there are more than ${MAX_ENTRIES} keys; ask for one by its name`)
    }
    after = page.next
  } while (after !== undefined)
  return Object.fromEntries(found)
}
