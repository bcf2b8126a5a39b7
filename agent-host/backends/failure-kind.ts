/** What kind of failure the HTTP status of a model's API stands for. */
import type { ErrorKind } from '../../protocol/messages/chunk.ts'

/** Undefined where the status says nothing that a reader could act on. */
export function kindOfStatus(status: number): ErrorKind | undefined {
  if (status === 401 || status === 403) return 'auth'
  if (status === 429) return 'rate_limit'
  if (status === 404) return 'config' // the model that was asked for is not there
  return status >= 500 ? 'server' : undefined
}
