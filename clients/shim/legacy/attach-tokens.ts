/** What the JSON-RPC doors need of the attach sockets, which have the tokens. */
import type { SessionInfo } from '../../sdk/index.ts'

export interface AttachGrant {
  readonly token: string
  readonly connect_url: string
  /** Ms since 1970. */
  readonly expires_at: number
}

export interface AttachTokens {
  /** A token for a session that is paused. */
  request(session: SessionInfo, clientType: string): Promise<AttachGrant>
  /** Id of the session that a token opens; undefined when it opens none. */
  validate(token: string): Promise<string | undefined>
  /** Whether there was such a token. */
  revoke(token: string): Promise<boolean>
}
