/** Identifiers. Randomness is passed in, so that a simulation can replay a run. */

/** Gives `size` random bytes. */
export type RandomBytes = (size: number) => Buffer

/** A version 4 UUID (RFC 9562 section 5.4). Sessions use these, because Claude Code wants a UUID. */
export function newUuid(random: RandomBytes): string {
  const bytes = random(16)
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80
  const hex = bytes.toString('hex')
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    hex.slice(12, 16),
    hex.slice(16, 20),
    hex.slice(20),
  ].join('-')
}

/** An unguessable token of 128 bits: tickets, resume tokens, idempotency keys. */
export function newToken(random: RandomBytes): string {
  return random(16).toString('base64url')
}

/** Numbers requests of one connection: short, unique there, cheap to send. */
export class RequestIds {
  #last = 0

  next(): string {
    this.#last += 1
    return this.#last.toString(36)
  }
}
