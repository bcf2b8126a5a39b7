/**
 * Where the doors ask for the right to attach: tokens are given, looked at and taken back here. The door with
 * the sockets stands behind it, when there is one.
 */
import type { SessionInfo } from '../../sdk/index.ts'
import { statusOf } from '../agents/agent.ts'
import { RpcError } from '../legacy/rpc-error.ts'
import { AttachTokens, hashOf, type TokenPorts } from './tokens.ts'

export interface AttachGrant {
  readonly token: string
  readonly connect_url: string
  /** Ms since 1970. */
  readonly expires_at: number
}

/** The sockets, as the desk needs them. */
export interface AttachSockets {
  /** Makes sure that there is a socket for the agent; its path. Rejects with ProtocolError. */
  open(agent: string): Promise<string>
  /** Ends the connections that this token opened. */
  revoked(agent: string, tokenHash: string): void
  /** Whether one more may attach to the agent. */
  hasRoom(agent: string): boolean
  readonly maxPerAgent: number
}

export class AttachDesk {
  readonly tokens: AttachTokens
  #sockets: AttachSockets | undefined

  constructor(ports: TokenPorts) {
    this.tokens = new AttachTokens(ports)
  }

  /** For the door that has the sockets. */
  useSockets(sockets: AttachSockets | undefined): void {
    this.#sockets = sockets
  }

  /** `user`: on whose behalf. Rejects with RpcError, or with ProtocolError. */
  async request(agent: SessionInfo, user?: string): Promise<AttachGrant> {
    const { session, paused } = agent
    if (paused === '') {
      const status = debugName(statusOf(agent))
      throw new RpcError(-32015, `Cannot attach to agent that is not paused (status: ${status})`)
    }
    const sockets = this.#sockets
    if (!sockets) throw attachRefused('attach is switched off')
    if (!sockets.hasRoom(session)) {
      throw attachRefused(noRoom(sockets.maxPerAgent, session))
    }
    const connect_url = await sockets.open(session)
    const { token, expiresAt } = await this.tokens.issue(session, user)
    return { token, connect_url, expires_at: expiresAt }
  }

  /** Id of the session that a token opens; undefined when it opens none. */
  async validate(token: string): Promise<string | undefined> {
    return (await this.tokens.openedBy(token))?.agent
  }

  /** Whether there was such a token; also one that was revoked before and has not expired. */
  async revoke(token: string): Promise<boolean> {
    const agent = await this.tokens.revoke(token)
    if (agent !== undefined) this.#sockets?.revoked(agent, hashOf(token))
    return agent !== undefined
  }
}

function attachRefused(reason: string): RpcError {
  return new RpcError(-32015, `Failed to create attach credentials: ${reason}`)
}

export function noRoom(most: number, agent: string): string {
  return `Resource exhausted: Maximum concurrent sessions (${most}) reached for agent ${agent}`
}

function debugName(status: string): string {
  return status.charAt(0).toUpperCase() + status.slice(1)
}
