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
  socket.curveServer = true
  socket.curveSecretKey = secretKey
  socket.zapDomain = ZAP_DOMAIN
  socket.zapEnforceDomain = true // without a handler libzmq would let every key in
}

interface Rebindable extends CurveServer {
  bind(endpoint: string): Promise<void>
  unbind(endpoint: string): Promise<void>
}

/** libzmq closes a listener after `unbind` has returned; until then the port is taken. */
const TRIES = 100
const BETWEEN_MS = 20

/** libzmq ends all connections of an endpoint that is unbound: they come back under this key. */
export async function rebindCurve(
  socket: Rebindable,
  endpoint: string,
  secretKey: string,
): Promise<void> {
  await socket.unbind(endpoint)
  serveCurve(socket, secretKey)
  await whenFree(() => socket.bind(endpoint))
}

/** Binds to an address that was ours until a moment ago. */
export async function whenFree(bind: () => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await bind()
    } catch (thrown) {
      const isTaken = thrown instanceof Error && 'code' in thrown && thrown.code === 'EADDRINUSE'
      if (!isTaken || tries >= TRIES) throw thrown
      await sleep(BETWEEN_MS)
    }
  }
}
