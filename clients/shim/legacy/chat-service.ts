/** The chats of the old API: sessions with many turns, which the PUB door streams. */
import { ProtocolError } from '../../../protocol/errors.ts'
import type { Params, SessionInfo } from '../../sdk/index.ts'
import { everySession, isChat } from '../sessions.ts'
import { isCode, startFailure } from './failures.ts'
import { withHost } from './host-wait.ts'
import type { LegacyPorts } from './ports.ts'
import { internal } from './rpc-error.ts'
import { rfc3339 } from './times.ts'

export interface ChatWishes {
  readonly working_dir: string
  readonly enable_thinking: boolean
  readonly thinking_level: string
}

/** What the old daemon put before each prompt, by level. */
const PREFIXES: Readonly<Record<string, string>> = {
  hard: 'think hard: ',
  harder: 'think harder: ',
  ultra: 'ultrathink: ',
}

const LIVE: readonly SessionInfo['status'][] = ['starting', 'idle', 'running', 'stopping']

const sessionNotFound = () => internal('Session not found')

export class ChatService {
  readonly #ports: LegacyPorts

  constructor(ports: LegacyPorts) {
    this.#ports = ports
  }

  /** Throws when chats are not published, as then nobody would see what is said. */
  endpoint(detail = ''): string {
    const endpoint = this.#ports.chatEndpoint()
    if (endpoint === undefined) throw internal(`Chat not available${detail}`)
    return endpoint
  }

  /** A chat that its first prompt starts. */
  async create(wishes: ChatWishes): Promise<object> {
    const endpoint = this.endpoint(' - ZMQ publisher not initialized')
    const { session } = await this.#create(wishes, 'on_prompt')
    this.#ports.chats.chatStarted({ session, isHeld: false })
    return place(endpoint, session)
  }

  /** A chat that starts at once, and says `prompt` unless that is empty. */
  async start(wishes: ChatWishes, prompt: string): Promise<object> {
    const endpoint = this.endpoint(' - ZMQ publisher not initialized')
    const info = await this.#create(wishes, prompt === '' ? 'now' : 'on_prompt')
    this.#ports.chats.chatStarted({ session: info.session, isHeld: true })
    if (prompt !== '') await this.#say(info, prompt)
    return place(endpoint, info.session)
  }

  async #create(wishes: ChatWishes, start: 'now' | 'on_prompt'): Promise<SessionInfo> {
    const backend = this.#ports.types.chatBackend
    const params: Params<'session.create'> = {
      backend,
      start,
      recovery: 'auto',
      ...(wishes.working_dir !== '.' && { cwd: wishes.working_dir }),
      metadata: { mode: 'chat', ...wishes },
    }
    try {
      return await withHost(this.#ports, () => this.#ports.client.call('session.create', params))
    } catch (thrown) {
      throw spawnFailed(backend, thrown)
    }
  }

  async prompt(session: string, text: string): Promise<void> {
    const info = await this.#find(session)
    if (info === undefined) throw sessionNotFound()
    this.#ports.chats.chatStarted({ session, isHeld: false })
    await this.#say(info, text)
  }

  async #say(info: SessionInfo, text: string): Promise<void> {
    const { session, backend, metadata } = info
    const level = metadata['enable_thinking'] === false ? '' : String(metadata['thinking_level'])
    const prefix = Object.hasOwn(PREFIXES, level) ? PREFIXES[level] : ''
    const prompt = `${prefix}${text}`
    try {
      const { client } = this.#ports
      await withHost(this.#ports, () => client.call('session.prompt', { session, text: prompt }))
    } catch (thrown) {
      if (isCode(thrown, 'WRONG_STATE', 'NO_SUCH_SESSION')) throw sessionNotFound()
      throw spawnFailed(backend, thrown)
    }
  }

  /** Ends a chat; one that is not there needs no ending. */
  async stop(session: string): Promise<void> {
    if ((await this.#find(session)) === undefined) return
    try {
      await this.#ports.client.call('session.stop', { session })
    } catch (thrown) {
      if (!isCode(thrown, 'WRONG_STATE', 'NO_SUCH_SESSION')) throw thrown
    }
  }

  async list(): Promise<object> {
    const found = new Map<string, object>()
    for await (const info of everySession(this.#ports.client)) {
      if (isChat(info)) found.set(info.session, chatInfo(info))
    }
    return { sessions: [...found.values()] }
  }

  /** Lists a chat among the agents as well. */
  async upgrade(session: string): Promise<void> {
    if ((await this.#find(session)) === undefined) throw sessionNotFound()
    const metadata = { mode: 'agent', chat: true }
    await this.#ports.client.call('session.annotate', { session, metadata })
  }

  async #find(session: string): Promise<SessionInfo | undefined> {
    try {
      const info = await this.#ports.client.call('session.get', { session })
      return info.session === session && isChat(info) ? info : undefined
    } catch (thrown) {
      if (isCode(thrown, 'NO_SUCH_SESSION')) return undefined
      throw thrown
    }
  }
}

function place(endpoint: string, session: string): object {
  return { pub_endpoint: endpoint, session_id: session, topic: `chat/${session}` }
}

function chatInfo(info: SessionInfo): object {
  const { metadata, session, status, created_at, turn, pending_turns, cwd } = info
  return {
    created_at: rfc3339(created_at),
    is_active: LIVE.includes(status),
    mode: metadata['mode'] === 'chat' ? 'chat' : 'agent',
    session_id: session,
    turn_count: turn - pending_turns,
    working_dir: typeof metadata['working_dir'] === 'string' ? metadata['working_dir'] : cwd,
  }
}

function spawnFailed(backend: string, thrown: unknown): Error {
  if (!(thrown instanceof ProtocolError)) return internal(String(thrown))
  if (thrown.code === 'INVALID_PARAMS') return internal(thrown.message)
  return internal(`Failed to spawn ${backend}: ${startFailure(thrown)}`)
}
