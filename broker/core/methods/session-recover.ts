/** session.recover: a new process goes on with the conversation, under a new lease epoch. */
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import { beginRecovery } from '../recover.ts'
import { visible } from '../visible.ts'

export function sessionRecover(core: Core, call: Call<'session.recover'>): void {
  const recovery = beginRecovery(core, visible(core, call).session(call.params.session))
  call.persist(recovery.story.operations(), () => recovery.start(call))
}
