/**
 * What the events of a socket tell of why a broker of the network does not let a peer in. ZeroMQ says it to
 * nobody in words, so it is read from what happens, and when. Pure.
 */

/** What is used of the events of a socket. */
export interface SocketEvent {
  readonly type: string
  readonly error?: unknown
}

/**
 * unreachable: nobody takes the connection;
 * held: somebody takes it and says nothing: ZAP status 300, for a key that is not known, or a broker that hangs;
 * hung_up: somebody ends it during the handshake, as a broker does whose key is another one;
 * no_curve: the other side wants no CURVE; wants_curve: it wants CURVE, and there are no keys here.
 */
export type DialFinding = 'unreachable' | 'held' | 'hung_up' | 'no_curve' | 'wants_curve'

/** A handshake takes a few round trips; one that has taken so long is being held, ms. */
const HELD_MS = 1500
/** A broker that is starting or ending hangs up once or twice. */
const HANG_UPS = 3
/** A broker that holds a key hangs up on it at times, too. */
const HANG_UPS_AFTER_HELD = 20

export class DialWatch {
  readonly #hasKeys: boolean
  /** When the transport was connected, while the handshake is under way. */
  #connectedAt: number | undefined
  #hangUps = 0
  #finding: DialFinding | undefined

  constructor(hasKeys: boolean) {
    this.#hasKeys = hasKeys
  }

  /** Undefined while all is well, or nothing is known yet. */
  finding(now: number): DialFinding | undefined {
    return this.#isHeld(now) ? 'held' : this.#finding
  }

  heard({ type, error }: SocketEvent, now: number): void {
    switch (type) {
      case 'connect':
        this.#connectedAt = now
        break
      case 'handshake':
        this.#settle(undefined)
        break
      case 'close': // the transport was not connected
        this.#settle('unreachable')
        break
      case 'handshake:error:protocol':
        if (isMismatch(error)) this.#settle(this.#hasKeys ? 'no_curve' : 'wants_curve')
        break
      case 'handshake:error:other':
        this.#failed(now)
        break
      case 'disconnect':
        this.#connectedAt = undefined
        break
    }
  }

  /** The key that is expected of the broker is another one from now on. */
  forget(): void {
    this.#settle(undefined)
  }

  #failed(now: number): void {
    if (this.#isHeld(now)) {
      this.#settle('held')
      return
    }
    this.#connectedAt = undefined
    this.#hangUps += 1
    const enough = this.#finding === 'held' ? HANG_UPS_AFTER_HELD : HANG_UPS
    if (this.#hangUps >= enough) this.#settle('hung_up')
  }

  #isHeld(now: number): boolean {
    return this.#connectedAt !== undefined && now - this.#connectedAt >= HELD_MS
  }

  #settle(finding: DialFinding | undefined): void {
    this.#connectedAt = undefined
    this.#hangUps = 0
    this.#finding = finding
  }
}

function isMismatch(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ERR_ZMTP_MECHANISM_MISMATCH'
}
