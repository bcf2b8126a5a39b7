/** The first frame of a client, and what it is answered. */
import type { Frame } from './frames.ts'

const VERSION = '1.0'
const CAPABILITIES = ['stdin', 'stdout', 'stderr', 'history']

export interface Hello {
  readonly token: string
  readonly clientType: string
}

/** Why a client may not attach, as it is told. */
export class HandshakeFailed extends Error {}

/** Throws HandshakeFailed. */
export function readHello({ type, payload }: Frame): Hello {
  if (type !== 'handshake') throw new HandshakeFailed('Expected handshake message')
  if (typeof payload !== 'object' || payload === null) {
    throw new HandshakeFailed('Read error: the payload of a handshake is an object')
  }
  const { version, token, client_type } = payload as Readonly<Record<string, unknown>>
  if (typeof version !== 'string') throw new HandshakeFailed('Read error: missing field `version`')
  if (version !== VERSION) {
    const got = version.slice(0, 32)
    throw new HandshakeFailed(`Protocol version mismatch: expected ${VERSION}, got ${got}`)
  }
  if (typeof token !== 'string') throw new HandshakeFailed('Read error: missing field `token`')
  return { token, clientType: typeof client_type === 'string' ? client_type : '' }
}

export function refused(error: string): Frame {
  const nothing = { success: false, buffered_output_lines: 0, server_capabilities: [] }
  return { type: 'handshake_response', payload: { ...nothing, error } }
}

export function accepted(
  agent: { readonly id: string; readonly name: string; readonly task: string },
  lines: number,
): Frame {
  return {
    type: 'handshake_response',
    payload: {
      success: true,
      agent_id: agent.id,
      agent_name: agent.name,
      agent_task: agent.task,
      buffered_output_lines: lines,
      server_capabilities: CAPABILITIES,
    },
  }
}
