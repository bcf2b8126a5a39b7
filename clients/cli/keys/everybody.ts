/** All principals of a broker, page by page. */
import type { DoorInfo, PrincipalInfo } from '../../../protocol/methods/key.ts'
import type { Client } from '../../sdk/index.ts'
import type { Cli } from '../command.ts'

export type { DoorInfo }

/** Most that one request brings. */
const PAGE = 1000

export interface Everybody {
  readonly door: DoorInfo
  readonly principals: readonly PrincipalInfo[]
}

export async function everyPrincipal(client: Client, { signal }: Cli): Promise<Everybody> {
  const first = await client.call('key.list', { limit: PAGE }, { signal })
  const principals = [...first.principals]
  for (let after = first.next; after !== undefined; ) {
    const page = await client.call('key.list', { limit: PAGE, after }, { signal })
    principals.push(...page.principals)
    after = page.next
  }
  return { door: first.door, principals }
}
