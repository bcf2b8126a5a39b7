/** session.probe: what the host of a session sees of it now. Nothing of it is kept, so nothing is journalled. */
import type { Call } from '../calls.ts'
import { controlled } from '../controlled.ts'
import type { Core } from '../core.ts'

export function sessionProbe(core: Core, call: Call<'session.probe'>): void {
  const { record, host } = controlled(core, call, 'be looked at')
  const { session, epoch } = record
  const params = { session, epoch, data: call.params.data ?? '' }
  const request = { method: 'agent.probe', params, trace: call.trace } as const
  const cancel = core.hostCalls.request(host, request, (answer) => {
    if (answer.ok) call.reply({ host: host.registration.name, ...answer.result })
    else call.fail(answer.error)
  })
  call.onCancel(cancel)
}
