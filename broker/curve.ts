/** The options that make a socket of ZeroMQ take nothing but CURVE at the endpoints it binds from now on. */

/** Of sockets that the ZAP handler answers for. */
export const ZAP_DOMAIN = 'agentmq'

interface CurveServer {
  curveServer: boolean
  curveSecretKey: string | null
  zapDomain: string | null
}

/** libzmq copies them at each bind, so endpoints that were bound before keep what they have. */
export function serveCurve(socket: CurveServer, secretKey: string): void {
  quietly(() => {
    socket.curveServer = true
    socket.curveSecretKey = secretKey
    socket.zapDomain = ZAP_DOMAIN
  })
}

/** zeromq.js warns that what is bound already does not change, which is what is wanted here. */
function quietly(run: () => void): void {
  const emitWarning = process.emitWarning.bind(process)
  process.emitWarning = () => {}
  try {
    run()
  } finally {
    process.emitWarning = emitWarning
  }
}
