/**
 * Dials a broker, and goes on where libzmq would not or should not: while the CURVE handshake fails it tries
 * the keys under which the broker may answer in turn, and it dials again after a mismatch, and more slowly
 * when nothing helps. The socket is a port: sockets live in each part.
 */
import { ProtocolError, type Where } from '../errors.ts'
import { fingerprint } from '../keys/key-pair.ts'
import { curveOptions, type PeerKeys } from '../keys/peer-keys.ts'
import { type DialFinding, DialWatch, type SocketEvent } from './dial-watch.ts'

/** What is used of a socket of zeromq.js; options take effect at the next `connect`. */
export interface DialSocket {
  readonly closed: boolean
  connect(endpoint: string): void
  disconnect(endpoint: string): void
  close(): void
}

/** Where a socket dials, and under which keys. */
export interface DialTarget {
  readonly endpoint: string
  readonly keys: PeerKeys | undefined
}

/** The outside world of a dialer. */
export interface DialPorts {
  readonly where: Where
  /** A clock that never goes back, ms. */
  readonly now: () => number
  /** Runs it once; does not keep the process alive. */
  readonly after: (ms: number, run: () => void) => void
}

/** Handshakes that may fail in a row before another key of the broker is tried. */
const FAILURES_PER_KEY = 3
/** Where nothing is to be expected soon it is dialled again after this, ms. */
const REDIAL_MS = 1000

/** Events by which libzmq tells that it dials. */
const AGAIN: ReadonlySet<string> = new Set(['connect:retry', 'connect:delay'])

/**
 * up: ZeroMQ has shaken hands; left: the connection is gone, and nothing tells that libzmq dials again;
 * pausing: hung up, until it is time to dial again.
 */
type DialState = 'dialling' | 'up' | 'left' | 'pausing'

export class Dialer {
  readonly #socket: DialSocket
  readonly #target: DialTarget
  readonly #ports: DialPorts
  readonly #watch: DialWatch
  /** Under which it dials now. */
  #key = ''
  #failures = 0
  #state: DialState = 'dialling'

  /** Throws BAD_CONFIG for an endpoint that cannot be one. */
  constructor(socket: DialSocket, target: DialTarget, ports: DialPorts) {
    this.#socket = socket
    this.#target = target
    this.#ports = ports
    this.#watch = new DialWatch(target.keys !== undefined)
    try {
      this.#dial()
    } catch (cause) {
      socket.close()
      const reason = `${target.endpoint}: ${cause instanceof Error ? cause.message : String(cause)}`
      const { where } = ports
      throw new ProtocolError('BAD_CONFIG', { source: 'endpoint', reason }, { where, cause })
    }
  }

  /** Why there is no connection, as far as the transport tells. */
  get finding(): DialFinding | undefined {
    return this.#watch.finding(this.#ports.now())
  }

  /** Nothing comes on this connection: another one instead, if there is one at all. */
  redial(): void {
    if (this.#state === 'up' && !this.#socket.closed) this.#redial()
  }

  heard(event: SocketEvent): void {
    this.#watch.heard(event, this.#ports.now())
    if (event.type === 'handshake') this.#worked()
    else if (event.type === 'handshake:error:other') this.#failed()
    // After these libzmq would not, whoever it was that answered.
    else if (event.type === 'handshake:error:protocol' || isRefusal(event)) this.#redialLater()
    else if (event.type === 'disconnect') this.#lookAgain()
    // `connect` says nothing here: it may be heard after the end of that connection.
    else if (AGAIN.has(event.type) && this.#state === 'left') this.#state = 'dialling'
  }

  /** It does not dial again either when what came was not ZMTP, and says nothing of it. */
  #lookAgain(): void {
    if (this.#state === 'pausing') return
    this.#state = 'left'
    this.#ports.after(REDIAL_MS, () => {
      if (this.#state === 'left' && !this.#socket.closed) this.#redial()
    })
  }

  #worked(): void {
    this.#failures = 0
    if (this.#state !== 'pausing') this.#state = 'up'
    this.#target.keys?.ring.worked(this.#key)
  }

  #failed(): void {
    const { keys } = this.#target
    this.#failures += 1
    if (!keys || this.#failures < FAILURES_PER_KEY) return
    this.#failures = 0
    // Another socket of this peer may have found the right one already.
    if (this.#key !== keys.ring.current || keys.ring.failed()) this.#redial()
    else if (this.finding === 'hung_up') this.#redialLater()
  }

  #redialLater(): void {
    if (this.#state === 'pausing') return
    this.#state = 'pausing'
    this.#hangUp()
    this.#ports.after(REDIAL_MS, () => {
      if (!this.#socket.closed) this.#dial()
    })
  }

  #redial(): void {
    if (this.#state === 'pausing') return
    this.#watch.forget()
    this.#hangUp()
    this.#dial()
  }

  #hangUp(): void {
    if (!this.#socket.closed) this.#socket.disconnect(this.#target.endpoint)
  }

  #dial(): void {
    const { endpoint, keys } = this.#target
    this.#state = 'dialling'
    Object.assign(this.#socket, curveOptions(keys))
    this.#key = keys?.ring.current ?? ''
    this.#socket.connect(endpoint)
  }
}

/** ZAP status 400: the key was revoked, says whoever answers; anybody on the way can say so. */
export function isRefusal({ type, error }: SocketEvent): boolean {
  if (type !== 'handshake:error:auth' || !(error instanceof Error)) return false
  return 'status' in error && error.status === 400
}

export function refusal(keys: PeerKeys | undefined, where: Where): ProtocolError {
  const key = keys ? fingerprint(keys.own.publicKey) : 'of this peer'
  return new ProtocolError('KEY_REVOKED', { key }, { where })
}

/** What is wrong, where the transport tells so much; undefined = nobody can be reached, or who knows. */
export function findingError(
  finding: DialFinding | undefined,
  { endpoint, keys }: DialTarget,
  where: Where,
): ProtocolError | undefined {
  const isMismatch = finding === 'no_curve' || finding === 'wants_curve'
  // A broker of the network may hang up before its greeting was read.
  const isWanted = finding === 'hung_up' && !keys && endpoint.startsWith('tcp://')
  if (isMismatch || isWanted) return mismatchError(endpoint, keys !== undefined, where)
  if (!keys || (finding !== 'held' && finding !== 'hung_up')) return undefined
  const [code, key] =
    finding === 'held'
      ? (['KEY_NOT_APPROVED', keys.own.publicKey] as const)
      : (['WRONG_BROKER_KEY', keys.ring.current] as const)
  return new ProtocolError(code, { endpoint, key: fingerprint(key) }, { where })
}

/** One side has keys and the other has not. */
export function mismatchError(endpoint: string, hasKeys: boolean, where: Where): ProtocolError {
  const problem = hasKeys
    ? 'speaks without keys, and a key is expected of it'
    : 'takes only those who have keys'
  return new ProtocolError('CURVE_MISMATCH', { endpoint, problem }, { where })
}
