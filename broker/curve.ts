/** The options that make a socket of ZeroMQ take nothing but CURVE at the endpoints it binds from now on. */

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
