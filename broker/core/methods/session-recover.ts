/** session.recover: a new process goes on with the conversation, under a new lease epoch. */
import type { Call } from '../calls.ts'
import type { Core } from '../core.ts'
import { beginRecovery } from '../recover.ts'

export function sessionRecover(core: Core, call: Call<'session.recover'>): void {
  const recovery = beginRecovery(core, core.sessions.resolve(call.params.session))
  call.persist(recovery.story.operations(), () => recovery.start(call))
}
