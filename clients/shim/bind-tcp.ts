/** Binds a ZeroMQ socket of a door to its address and port. */
import { bindError } from './bind-error.ts'

interface Bindable {
  bind(endpoint: string): Promise<void>
  readonly lastEndpoint: string | null
}

/** Port 0 is any. Resolves with the endpoint, its port included. Rejects with IN_USE or BAD_CONFIG. */
export async function bindTcp(socket: Bindable, host: string, port: number): Promise<string> {
  const endpoint = `tcp://${host.includes(':') ? `[${host}]` : host}:${port === 0 ? '*' : port}`
  try {
    await socket.bind(endpoint)
  } catch (cause) {
    throw bindError(endpoint, cause)
  }
  return socket.lastEndpoint ?? endpoint
}
