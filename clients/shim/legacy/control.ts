/** Pause, resume and attach, with the results that the Unix socket gives; HTTP has them as well. */
import { statusOf } from '../agents/agent.ts'
import type { AttachDesk } from '../attach/desk.ts'
import { pauseAgent, requireAgent, resumeAgent } from './agents.ts'
import type { LegacyPorts } from './ports.ts'
import { RpcError } from './rpc-error.ts'
import { debugStatus } from './statuses.ts'
import { unixSeconds } from './times.ts'

export class ControlService {
  readonly #ports: LegacyPorts
  readonly #desk: AttachDesk

  constructor(ports: LegacyPorts, desk: AttachDesk) {
    this.#ports = ports
    this.#desk = desk
  }

  async pause(agent_id: string, force: boolean): Promise<object> {
    await pauseAgent(this.#ports, agent_id, force)
    const pause_mode = force ? 'forced' : 'cooperative'
    return { agent_id, pause_mode, paused_at: this.#seconds() }
  }

  async resume(agent_id: string): Promise<object> {
    await resumeAgent(this.#ports, agent_id)
    return { agent_id, resumed_at: this.#seconds() }
  }

  async attach(agent_id: string): Promise<object> {
    const info = await requireAgent(this.#ports, agent_id)
    if (statusOf(info) !== 'paused') {
      const status = debugStatus(info)
      throw new RpcError(-32015, `Cannot attach to agent that is not paused (status: ${status})`)
    }
    const { token, connect_url, expires_at } = await this.#desk.request(
      info,
      this.#ports.client.user,
    )
    return { agent_id, connect_url, expires_at: unixSeconds(expires_at), token }
  }

  /** `expires_at` is null, as it always was. */
  async validate(token: string): Promise<object> {
    const agent_id = (await this.#desk.validate(token)) ?? null
    return { agent_id, expires_at: null, valid: agent_id !== null }
  }

  async revoke(token: string): Promise<object> {
    return { revoked: await this.#desk.revoke(token) }
  }

  #seconds(): number {
    return unixSeconds(this.#ports.wall())
  }
}
