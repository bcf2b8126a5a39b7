/** A host that registers: whether its id and its name are its principal's, and that they are from now on. */
import type { JournalOperation } from '../../journal/journal.ts'
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'

/** Throws HOST_TAKEN, LIMIT_REACHED or OVERLOADED. */
export function claimHost(core: Core, { identity, params }: Call<'host.register'>): void {
  const { host: id, name } = params
  const { principal } = identity
  const operations = core.hostOwners.claim(
    { id, name, principal },
    { limit: core.ports.limits.maxHosts, isNeeded: (host) => isNeeded(core, host) },
  )
  write(core, id, operations)
}

/** Memory stays ahead of the disk: nobody else gets the id because it could not be written yet. */
function write(core: Core, id: string, operations: readonly JournalOperation[]): void {
  if (operations.length === 0) return
  core.batch.add(operations, (error) => {
    if (error)
      core.redo.add('', `owner of host ${id}`, () => write(core, id, core.hostOwners.again(id)))
  })
}

/** Also for sessions that have ended: a recovery would give them to whoever has the id then. */
function isNeeded(core: Core, id: string): boolean {
  return core.hosts.get(id)?.connection !== undefined || core.sessions.isKnownOf(id)
}
