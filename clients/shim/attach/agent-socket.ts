/** The socket of one agent: lets clients in by their tokens, and knows who is attached. */
import { createServer, type Server, type Socket } from 'node:net'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Actor } from '../../sdk/index.ts'
import { actorFor } from '../actor-for.ts'
import { findAgent } from '../agents/agent.ts'
import type { DoorContext } from '../door.ts'
import { listenOn } from '../socket-file.ts'
import { Attachment } from './attachment.ts'
import { noRoom } from './desk.ts'
import { FrameLink } from './frame-link.ts'
import { BadFrame } from './frames.ts'
import { HandshakeFailed, readHello, refused } from './handshake.ts'
import { hashOf } from './tokens.ts'

/** Time for the first frame, ms. */
export const HANDSHAKE_MS = 300_000
/** Connections to one socket, those that have not said who they are included. */
const MAX_CONNECTIONS = 32

/** Somebody whose token is good here. */
interface Comer {
  readonly tokenHash: string
  /** On whose behalf: its rights are those of now. */
  readonly actor: Actor
}

export class AgentSocket {
  readonly path: string
  readonly #agent: string
  readonly #context: DoorContext
  readonly #server: Server
  readonly #attached = new Map<Attachment, string>()
  readonly #links = new Set<FrameLink>()
  /** Let in, and not attached yet. */
  #greeting = 0

  constructor(context: DoorContext, agent: string, path: string) {
    this.path = path
    this.#agent = agent
    this.#context = context
    this.#server = createServer((socket) => this.#accept(socket))
    this.#server.maxConnections = MAX_CONNECTIONS
  }

  get attached(): number {
    return this.#attached.size
  }

  /** Rejects with IN_USE or BAD_CONFIG. */
  async open(): Promise<void> {
    await listenOn(this.#server, this.path)
  }

  /** Ends every connection, and takes the file away. */
  async close(): Promise<void> {
    if (!this.#server.listening) return
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()))
    for (const attachment of this.#attached.keys()) attachment.end()
    for (const link of this.#links) link.end()
    const waiting = new AbortController()
    const late = this.#context.pause(1000, waiting.signal).catch(() => undefined)
    await Promise.race([closed, late])
    for (const link of this.#links) link.cut()
    await closed
    waiting.abort()
  }

  revoked(tokenHash: string): void {
    for (const [attachment, hash] of this.#attached) if (hash === tokenHash) attachment.end()
  }

  #accept(socket: Socket): void {
    const { log, metrics, pause } = this.#context
    const link = new FrameLink(socket, pause)
    const gone = metrics.connected()
    this.#links.add(link)
    socket.once('close', () => {
      this.#links.delete(link)
      gone()
    })
    this.#serve(link).catch((error: unknown) => {
      log.error({ agent: this.#agent, err: error }, 'a connection failed')
      link.cut()
    })
  }

  async #serve(link: FrameLink): Promise<void> {
    try {
      await this.#attach(link, await this.#hello(link))
    } catch (thrown) {
      const reason = thrown instanceof HandshakeFailed ? thrown.message : failure(thrown)
      this.#context.log.info({ agent: this.#agent, reason }, 'attach refused')
      await link.send(refused(reason))
      link.end()
    }
  }

  /** Who comes, by the token. */
  async #hello(link: FrameLink): Promise<Comer> {
    const over = new AbortController()
    const late = this.#context.pause(HANDSHAKE_MS, over.signal).then(() => {
      throw new HandshakeFailed('Handshake timeout')
    })
    late.catch(() => undefined)
    try {
      const frame = await Promise.race([link.next(), late])
      if (!frame) throw new HandshakeFailed('Read error: the connection ended')
      const { token } = readHello(frame)
      const { attach, client } = this.#context
      const opened = await attach.tokens.openedBy(token)
      if (opened === undefined) throw new HandshakeFailed('Invalid or expired token')
      if (opened.agent !== this.#agent) throw new HandshakeFailed('Token not valid for this agent')
      link.trust()
      return { tokenHash: hashOf(token), actor: actorFor(client, opened.user) }
    } finally {
      over.abort()
    }
  }

  async #attach(link: FrameLink, { tokenHash, actor }: Comer): Promise<void> {
    const { settings, log } = this.#context
    if (this.#attached.size + this.#greeting >= settings.attach_sessions) {
      throw new HandshakeFailed(noRoom(settings.attach_sessions, this.#agent))
    }
    this.#greeting += 1
    const agent = await findAgent(actor, this.#agent).finally(() => {
      this.#greeting -= 1
    })
    if (!agent) throw new HandshakeFailed(`Agent not found: ${this.#agent}`)
    const attachment = new Attachment({ ...this.#context, client: actor }, link, agent)
    this.#attached.set(attachment, tokenHash)
    log.info({ agent: this.#agent }, 'attached')
    try {
      await attachment.run()
    } finally {
      this.#attached.delete(attachment)
      log.info({ agent: this.#agent }, 'detached')
    }
  }
}

function failure(thrown: unknown): string {
  if (thrown instanceof BadFrame) return `Read error: ${thrown.message}`
  return ProtocolError.from(thrown, 'client').message
}
