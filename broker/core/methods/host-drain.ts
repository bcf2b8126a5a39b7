/** host.drain and host.undrain: which hosts get no new session, also after a restart of the broker. */
import type { JournalOperation } from '../../journal/journal.ts'
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import { infoOf } from './host.ts'

const PREFIX = 'draining/'

/** The hosts that were being drained when the journal was last written; a damaged record tells as well. */
export function drainedHosts({ journal }: Core): string[] {
  const intact = [...journal.entries('meta')].map(({ key }) => key)
  return [...intact, ...journal.damaged('meta')]
    .filter((key) => key.startsWith(PREFIX))
    .map((key) => key.slice(PREFIX.length))
}

export function hostDrain(core: Core, call: Call<'host.drain'>): void {
  const { id } = core.hosts.resolve(call.params.host)
  const operation = {
    op: 'put',
    table: 'meta',
    key: PREFIX + id,
    value: core.clock.wall(),
  } as const
  change(core, call, id, operation, () => core.hosts.draining.add(id))
}

export function hostUndrain(core: Core, call: Call<'host.undrain'>): void {
  const { id } = core.hosts.resolve(call.params.host)
  const operation = { op: 'delete', table: 'meta', key: PREFIX + id } as const
  change(core, call, id, operation, () => core.hosts.draining.delete(id))
}

/** Memory changes when the disk has, so that it never has to fall back. */
function change(
  core: Core,
  call: Call<'host.drain'> | Call<'host.undrain'>,
  id: string,
  operation: JournalOperation,
  apply: () => void,
): void {
  call.persist([operation], () => {
    apply()
    call.reply(infoOf(core, call, core.hosts.resolve(id)))
  })
}
