/** The options that make a socket of ZeroMQ take nothing but CURVE at the endpoints it binds from now on. */
import { setTimeout as sleep } from 'node:timers/promises'
import { unnamedOptions } from './unnamed-options.ts'

/** Of sockets that the ZAP handler answers for. */
export const ZAP_DOMAIN = 'agentmq'

/** libzmq's draft option ZMQ_IN_BATCH_SIZE. */
const IN_BATCH_SIZE = 101

/**
 * What libzmq reads of a peer at once, bytes; the rest of a longer frame is read as a whole, and alone. A peer whose
 * room is full may be gone when libzmq goes on with what it has read of it. A PING of ZMTP among that is answered on
 * the connection that is no more, which ends the process (zeromq/libzmq#4841). The shortest PING within CURVE
 * has 40 bytes, so behind the end of the message for which there was no room none is whole.
 */
const READ_AT_ONCE = 32

interface CurveServer {
  curveServer: boolean
  curveSecretKey: string | null
  zapDomain: string | null
  zapEnforceDomain: boolean
}

/**
 * libzmq copies them at each bind, so endpoints that were bound before keep what they have. Throws where libzmq was
 * built without its drafts: there each key could end the broker.
 */
export function serveCurve(socket: CurveServer, secretKey: string): void {
  quietly(() => {
    unnamedOptions(socket).setInt32Option(IN_BATCH_SIZE, READ_AT_ONCE)
    socket.curveServer = true
    socket.curveSecretKey = secretKey
    socket.zapDomain = ZAP_DOMAIN
    socket.zapEnforceDomain = true // without a handler libzmq would let every key in
  })
}

/** zeromq.js warns that what is bound already does not change, which is what is wanted here. */
export function quietly(run: () => void): void {
  const emitWarning = process.emitWarning.bind(process)
  process.emitWarning = () => {}
  try {
    run()
  } finally {
    process.emitWarning = emitWarning
  }
}

/** libzmq closes listeners and connections some time after it was told to; until then ports and open files are taken. */
const TAKEN: ReadonlySet<unknown> = new Set(['EADDRINUSE', 'EMFILE'])
const TRIES = 100
const BETWEEN_MS = 20

/** Makes a socket, or binds it, with what was ours until a moment ago. */
export async function whenFree<T>(make: () => T | Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await make()
    } catch (thrown) {
      const isTaken = thrown instanceof Error && 'code' in thrown && TAKEN.has(thrown.code)
      if (!isTaken || tries >= TRIES) throw thrown
      await sleep(BETWEEN_MS)
    }
  }
}
