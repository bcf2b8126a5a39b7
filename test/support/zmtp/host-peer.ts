/** A host that speaks by hand: it answers the broker when a test says so, and sends what no honest host would. */
import { decodeBody, encode } from '../../../protocol/codec.ts'
import { CHUNK_CODES } from '../../../protocol/messages/chunk.ts'
import { type HostMethod, METHODS, type Params } from '../../../protocol/methods/index.ts'
import type { AgentPeer } from './agent-peer.ts'

export class HostPeer {
  readonly peer: AgentPeer
  readonly id: string
  #registrations = 0

  constructor(peer: AgentPeer, id: string) {
    this.peer = peer
    this.id = id
  }

  /** What the registration ends with. */
  register(...sessions: Params<'host.register'>['sessions']): Promise<unknown> {
    this.#registrations += 1
    const backend = { name: this.id, title: this.id, available: true, version: '1', reason: '' }
    return this.peer.call(`register-${this.#registrations}`, 'host.register', {
      host: this.id,
      name: this.id,
      labels: [],
      slots: 10,
      backends: [{ ...backend, capabilities: [] }],
      sessions,
      software: 'attacker',
      pid: 1,
    })
  }

  /** The next request of the broker for this method. */
  async asked<M extends HostMethod>(method: M): Promise<{ id: string; params: Params<M> }> {
    for (;;) {
      const { head, body } = await this.peer.hearKind('REQUEST')
      if (head.kind !== 'REQUEST' || head.method !== method) continue
      return { id: head.id, params: decodeBody(METHODS[method].params, body) as Params<M> }
    }
  }

  reply(id: string, result: unknown): void {
    this.peer.say({ head: { kind: 'REPLY', id }, body: result })
  }

  /** Takes the next session that is started here; its id. */
  async started(): Promise<string> {
    const { id, params } = await this.asked('agent.start')
    this.reply(id, { pid: 1, native_session_id: params.native_session_id, cwd: '/' })
    return params.session
  }

  /** Tells the next who asks what there is to see. */
  async probed(): Promise<void> {
    const { id, params } = await this.asked('agent.probe')
    const { data } = params
    this.reply(id, { pid: 1, quiet_ms: 0, turn: 0, stdin_bytes: 0, held_bytes: 0, data })
  }

  /** A line of text as the chunk of a session, whoever has it. */
  append(session: string, content: string, { epoch = 1, sequence = 1 } = {}): void {
    const head = {
      kind: 'APPEND',
      session,
      epoch,
      sequence,
      turn: 0,
      type: CHUNK_CODES.text,
    } as const
    this.peer.say({ head, body: { content } })
  }
}

/** The bytes of a chunk as readers get them. */
export function textBody(content: string): Buffer {
  return encode({ content })
}
