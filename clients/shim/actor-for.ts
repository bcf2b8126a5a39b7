/** Who the shim is to the broker, for somebody who came in at a door. */
import type { Actor, Client } from '../sdk/index.ts'

/** `user`: as a door that asks for tokens has learned; undefined = the shim itself. */
export function actorFor(client: Client, user: string | undefined): Actor {
  return user === undefined ? client : client.as(user)
}
