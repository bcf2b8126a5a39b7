/**
 * What is noted at the door for other machines: how keys that ask to connect were answered, which of the unknown
 * ones knock, when the door was shut; with lines in the log, as long as there are few, and records in the audit
 * log. Owns no sockets.
 */
import { fingerprint } from '../../protocol/keys/key-pair.ts'
import { Rate } from '../../protocol/link/rate.ts'
import type { Note } from '../core/audit/entry.ts'
import type { Knockers } from '../core/knockers.ts'
import type { LimitName } from '../core/limit-names.ts'
import type { ZapAnswer } from '../zap-socket.ts'
import { noteOfDoor, noteOfKey } from './access-notes.ts'
import type { GuardStep, Load } from './door-guard.ts'

/** Lines about keys that are not let in; a flood of them must not fill the disk. */
const LINES = { perSecond: 0.2, burst: 20 }

/** Principals that are named when the door is shut. */
const NAMED = 20

type Log = (fields: Readonly<Record<string, unknown>>, event: string) => void

export interface DoorNotesPorts {
  readonly knockers: () => Knockers
  readonly now: () => number
  readonly wall: () => number
  readonly log: Readonly<Record<'info' | 'warn', Log>>
  /** Principals that are connected from other machines. */
  readonly connected: () => Iterable<string>
  readonly onLimit: (name: LimitName) => void
  /** Whose key it is; empty = nobody's. */
  readonly ownerOf: (key: string) => string
  readonly audit: Readonly<Record<'note' | 'noteRefusal', (note: Note) => void>>
}

export class DoorNotes {
  readonly #ports: DoorNotesPorts
  readonly #answers = new Map<ZapAnswer, number>()
  readonly #lines = new Rate(LINES)
  #unsaid = 0

  constructor(ports: DoorNotesPorts) {
    this.#ports = ports
  }

  /** How often each answer was given, since the start. */
  get answers(): ReadonlyMap<ZapAnswer, number> {
    return this.#answers
  }

  decided(answer: ZapAnswer, key: string, address: string): void {
    this.#answers.set(answer, (this.#answers.get(answer) ?? 0) + 1)
    const { audit, ownerOf } = this.#ports
    const note = noteOfKey(answer, { key, owner: ownerOf(key), address })
    if (note) audit.noteRefusal(note)
    switch (answer) {
      case 'later':
        this.#knocked(key, address)
        break
      case 'busy':
        this.#ports.onLimit('key_connects')
        this.#say('key connects too often', key, address)
        break
      case 'never':
        this.#say('revoked key was refused', key, address)
        break
      default:
    }
  }

  /** The door was shut, or opened again, by itself. */
  moved(step: GuardStep, load: Load): void {
    const { log, onLimit, connected, audit } = this.#ports
    audit.note(noteOfDoor(step))
    if (step.step === 'open') {
      log.info({}, 'network open again')
      return
    }
    onLimit(step.reason)
    const principals = [...new Set(connected())].slice(0, NAMED)
    log.warn({ ...step, ...load, principals }, 'network shut, to protect this machine')
  }

  #knocked(key: string, address: string): void {
    const { knockers, wall, onLimit } = this.#ports
    const all = knockers()
    const { forgotten } = all
    const isNew = all.knocked(key, address, wall())
    if (all.forgotten > forgotten) onLimit('pending_keys')
    if (isNew) this.#say('unknown key knocked', key, address)
  }

  #say(event: string, key: string, address: string): void {
    if (this.#lines.take(this.#ports.now()) > 0) {
      this.#unsaid += 1
      return
    }
    const unsaid = this.#unsaid
    this.#unsaid = 0
    const more = unsaid > 0 && { unsaid }
    this.#ports.log.info({ key: fingerprint(key), address, ...more }, event)
  }
}
