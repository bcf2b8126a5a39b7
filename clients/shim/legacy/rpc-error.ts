/** Errors as clients of the old daemon know them: a code and a text, which some of them match on. */
export class RpcError extends Error {
  override readonly name = 'RpcError'
  readonly code: number
  /** What JSON-RPC 2.0 says to the same, where the old daemon said something else. */
  readonly standard: { readonly code: number; readonly message: string } | undefined

  constructor(code: number, message: string, standard?: RpcError['standard']) {
    super(message)
    this.code = code
    this.standard = standard
  }
}

/** What HTTP says to parameters that are missing or wrong. */
export function badParams(text: string): RpcError {
  const standard = {
    code: -32602,
    message: `Invalid params: ${text.replace('Invalid params: ', '')}`,
  }
  return new RpcError(-32700, `Parse error: ${text}`, standard)
}

/** What the Unix socket says to them. */
export function badPositional(text: string): RpcError {
  return new RpcError(-32602, text)
}

export const invalidRequest = (): RpcError => new RpcError(-32600, 'Invalid Request')
export const internal = (text: string): RpcError =>
  new RpcError(-32603, `Internal server error: ${text}`)
export const agentNotFound = (id: string): RpcError =>
  new RpcError(-32002, `Agent not found: ${id}`)
export const spawnFailed = (text: string): RpcError =>
  new RpcError(-32003, `Failed to spawn agent: Agent spawn failed: ${text}`)
export const killFailed = (text: string): RpcError =>
  new RpcError(-32004, `Failed to kill agent: ${text}`)
export const workflowFailed = (text: string): RpcError =>
  new RpcError(-32005, `Workflow error: ${text}`)
export const stateFailed = (text: string): RpcError => new RpcError(-32006, `State error: ${text}`)
export const timedOut = (): RpcError => new RpcError(-32009, 'Operation timed out')
export const connectionFailed = (text: string): RpcError =>
  new RpcError(-32010, `Connection error: ${text}`)
export const exhausted = (text: string): RpcError =>
  new RpcError(-32011, `Resource exhausted: ${text}`)
