/**
 * Dials a broker, and while the CURVE handshake fails tries the keys under which the broker may answer in
 * turn. The socket is a port: sockets live in each part.
 */
import { ProtocolError, type Where } from '../errors.ts'
import { curveOptions, type PeerKeys } from '../keys/peer-keys.ts'

/** What is used of a socket of zeromq.js; options take effect at the next `connect`. */
export interface DialSocket {
  connect(endpoint: string): void
  disconnect(endpoint: string): void
  close(): void
}

/** What is used of the events of a socket. */
export interface SocketEvent {
  readonly type: string
  readonly error?: unknown
}

/** Where a socket dials, and under which keys. */
export interface DialTarget {
  readonly endpoint: string
  readonly keys: PeerKeys | undefined
}

/** Handshakes that may fail in a row before another key of the broker is tried. */
const FAILURES_PER_KEY = 3

export class Dialer {
  readonly #socket: DialSocket
  readonly #target: DialTarget
  /** Under which it dials now. */
  #key = ''
  #failures = 0

  /** Throws BAD_CONFIG for an endpoint that cannot be one. */
  constructor(socket: DialSocket, target: DialTarget, where: Where) {
    this.#socket = socket
    this.#target = target
    try {
      this.#dial()
    } catch (cause) {
      socket.close()
      const reason = `${target.endpoint}: ${cause instanceof Error ? cause.message : String(cause)}`
      throw new ProtocolError('BAD_CONFIG', { source: 'endpoint', reason }, { where, cause })
    }
  }

  heard({ type }: SocketEvent): void {
    const { keys, endpoint } = this.#target
    if (type === 'handshake') {
      this.#failures = 0
      keys?.ring.worked(this.#key)
    }
    if (!keys || type !== 'handshake:error:other') return
    this.#failures += 1
    if (this.#failures < FAILURES_PER_KEY) return
    this.#failures = 0
    // Another socket of this peer may have found the right one already.
    if (this.#key === keys.ring.current && !keys.ring.failed()) return
    this.#socket.disconnect(endpoint)
    this.#dial()
  }

  #dial(): void {
    const { endpoint, keys } = this.#target
    Object.assign(this.#socket, curveOptions(keys))
    this.#key = keys?.ring.current ?? ''
    this.#socket.connect(endpoint)
  }
}

/** ZAP status 400: libzmq does not dial again. */
export function isRefusal({ type, error }: SocketEvent): boolean {
  if (type !== 'handshake:error:auth' || !(error instanceof Error)) return false
  return 'status' in error && error.status === 400
}

export function refusal(where: Where): ProtocolError {
  return new ProtocolError('KEY_REVOKED', { key: 'of this peer' }, { where })
}
