/** What the audit log tells of connections: who was not let in, who was cut off, when the door was shut. Pure. */
import { fingerprint } from '../../protocol/keys/key-pair.ts'
import type { BrokerLinkEvent } from '../../protocol/link/broker-link.ts'
import type { Note } from '../core/audit/entry.ts'
import type { ZapAnswer } from '../zap-socket.ts'
import type { GuardStep } from './door-guard.ts'

/** As the transport knows it, whatever the peer says of itself. */
export interface Peer {
  /** As `stream.readers` names it. */
  readonly connection: string
  /** Key that CURVE let in; undefined for a peer of this machine. */
  readonly key: string | undefined
  /** Principal of that key; empty = nobody who could be named. */
  readonly owner: string
}

/** The peer left by itself, or the transport failed it: nothing to record. */
const UNFORCED: ReadonlySet<string> = new Set(['goodbye', 'disconnected', 'silent'])

export function noteOfLink(
  event: Extract<BrokerLinkEvent, { type: 'refused' | 'ended' }>,
  { connection, key, owner }: Peer,
): Note | undefined {
  const target = key === undefined ? {} : { target: fingerprint(key) }
  const refused = { event: 'connection.refused', principal: owner, connection, ...target } as const
  if (event.type === 'refused') return { ...refused, outcome: event.error.code }
  if (UNFORCED.has(event.how)) return undefined
  if (!event.identity) return { ...refused, outcome: event.how }
  const { principal, via } = event.identity
  const who = { principal, ...(via !== undefined && { via }), connection, ...target }
  return { event: 'principal.cut_off', ...who, outcome: event.how }
}

const REFUSALS: Readonly<Partial<Record<ZapAnswer, string>>> = {
  never: 'KEY_REVOKED',
  later: 'KEY_NOT_APPROVED',
  busy: 'OVERLOADED',
}

/** A key asked to connect, and CURVE has shown that the peer has it. */
export function noteOfKey(
  answer: ZapAnswer,
  {
    key,
    owner,
    address,
  }: { readonly key: string; readonly owner: string; readonly address: string },
): Note | undefined {
  const outcome = REFUSALS[answer]
  if (outcome === undefined) return undefined
  const target = fingerprint(key)
  return { event: 'connection.refused', principal: owner, target, outcome, details: { address } }
}

export function noteOfDoor(step: GuardStep): Note {
  if (step.step === 'open') return { event: 'network.opened' }
  return { event: 'network.shut', details: { reason: step.reason, pause_ms: step.pauseMs } }
}
