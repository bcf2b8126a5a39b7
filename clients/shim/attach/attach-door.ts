/**
 * The attach sockets: one for each agent that is paused or that somebody holds a token for, until it goes on
 * or ends. Which agents those are comes from the broker, so that a new shim has the sockets of the last one.
 */
import { join } from 'node:path'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { SessionInfo, StreamItem } from '../../sdk/index.ts'
import { agents, findAgent, isTerminal, statusOf } from '../agents/agent.ts'
import { OneAtATime } from '../agents/one-at-a-time.ts'
import type { Door, DoorContext } from '../door.ts'
import { EventWatch } from '../event-watch.ts'
import { checkSocketPath } from '../socket-file.ts'
import { AgentSocket } from './agent-socket.ts'
import type { AttachSockets } from './desk.ts'

/** Sockets at a time; more agents than that are paused by programs, not by people. */
export const MAX_SOCKETS = 256
/** How often tokens whose time is over are taken away, ms. */
const SWEEP_MS = 60_000

export function attachDoor(context: DoorContext): Door {
  return new AttachDoor(context)
}

class AttachDoor implements Door, AttachSockets {
  readonly name = 'attach'
  readonly addresses: string[] = []
  readonly maxPerAgent: number
  readonly #context: DoorContext
  readonly #sockets = new Map<string, AgentSocket>()
  readonly #turns = new OneAtATime()
  readonly #watch: EventWatch
  #stopSweeps = (): void => {}

  constructor(context: DoorContext) {
    this.#context = context
    this.maxPerAgent = context.settings.attach_sessions
    this.#watch = new EventWatch({
      client: context.client,
      pause: context.pause,
      heard: (item) => this.#heard(item),
      trouble: ({ code, message }) =>
        context.log.warn(
          { code, reason: message },
          'pauses and ends are not heard of; trying again',
        ),
    })
  }

  async start(): Promise<void> {
    const { attach, every } = this.#context
    checkSocketPath(this.#pathOf('00000000-0000-0000-0000-000000000000'))
    await this.#watch.begin()
    await this.#openAll()
    this.#watch.run()
    this.#stopSweeps = every(SWEEP_MS, () => void this.#sweep())
    attach.useSockets(this)
    this.addresses.push(`unix:${this.#pathOf('*')}`)
  }

  async stop(): Promise<void> {
    this.#context.attach.useSockets(undefined)
    this.#stopSweeps()
    await this.#watch.stop()
    await Promise.all([...this.#sockets.keys()].map((agent) => this.#close(agent)))
  }

  async open(agent: string): Promise<string> {
    return this.#turns.run(agent, async () => {
      const open = this.#sockets.get(agent)
      if (open) return open.path
      if (this.#sockets.size >= MAX_SOCKETS) {
        throw new ProtocolError('OVERLOADED', { what: 'attach sockets', limit: MAX_SOCKETS })
      }
      const socket = new AgentSocket(this.#context, agent, this.#pathOf(agent))
      await socket.open()
      this.#sockets.set(agent, socket)
      return socket.path
    })
  }

  hasRoom(agent: string): boolean {
    return (this.#sockets.get(agent)?.attached ?? 0) < this.maxPerAgent
  }

  revoked(agent: string, tokenHash: string): void {
    this.#sockets.get(agent)?.revoked(tokenHash)
  }

  #close(agent: string): Promise<void> {
    return this.#turns.run(agent, async () => {
      const socket = this.#sockets.get(agent)
      this.#sockets.delete(agent)
      await socket?.close()
    })
  }

  #pathOf(agent: string): string {
    return join(this.#context.settings.attach_dir, `descartes-attach-${agent}.sock`)
  }

  /** Where the story of what happens goes on. */
  async #openAll(): Promise<void> {
    const wanted = new Set(await this.#context.attach.tokens.sweep())
    for await (const agent of agents(this.#context.client, ['idle', 'running'])) {
      if (agent.paused !== '') wanted.add(agent.session)
    }
    for (const agent of wanted) await this.#tryOpen(agent)
  }

  /** For an agent that has not ended. What cannot be opened is told, and no reason to fail. */
  async #tryOpen(agent: string): Promise<void> {
    const { client, log } = this.#context
    try {
      const info = await findAgent(client, agent)
      if (info && isAttachable(info)) await this.open(agent)
    } catch (thrown) {
      const { code, message } = ProtocolError.from(thrown, 'client')
      log.warn({ agent, code, reason: message }, 'no attach socket')
    }
  }

  async #heard(item: StreamItem): Promise<void> {
    if (item.type === 'gap') return this.#openAll()
    if (item.type !== 'event' || item.topic !== 'session') return
    const { id, event, data } = item
    if (event === 'paused') await this.#tryOpen(id)
    else if (event === 'resumed' || event === 'removed') await this.#close(id)
    else if (event === 'status' && isOver(data)) await this.#close(id)
  }

  async #sweep(): Promise<void> {
    try {
      await this.#context.attach.tokens.sweep()
    } catch (thrown) {
      const { code, message } = ProtocolError.from(thrown, 'client')
      this.#context.log.warn({ code, reason: message }, 'expired tokens are still kept')
    }
  }
}

function isAttachable(info: SessionInfo): boolean {
  return !isTerminal(statusOf(info))
}

function isOver(data: unknown): boolean {
  const status = (data as { readonly status?: unknown } | null)?.status
  return status === 'ended' || status === 'failed'
}
