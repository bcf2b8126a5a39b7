/** The options that make a socket of ZeroMQ take nothing but CURVE at the endpoints it binds from now on. */
import { setTimeout as sleep } from 'node:timers/promises'

/** Of sockets that the ZAP handler answers for. */
export const ZAP_DOMAIN = 'agentmq'

interface CurveServer {
  curveServer: boolean
  curveSecretKey: string | null
  zapDomain: string | null
  zapEnforceDomain: boolean
}

/** libzmq copies them at each bind, so endpoints that were bound before keep what they have. */
export function serveCurve(socket: CurveServer, secretKey: string): void {
  quietly(() => {
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
