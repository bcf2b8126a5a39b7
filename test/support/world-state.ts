/** All that can be changed in a broker, as an admin sees it: equal texts, nothing changed. */
import type { Client } from '../../clients/sdk/index.ts'

const APPROVAL_STATES = ['answered', 'applied', 'expired', 'pending', 'withdrawn'] as const

export async function worldState(admin: Client): Promise<string> {
  const [{ sessions }, state, tasks, workflows, keys, approvals, { hosts }] = await Promise.all([
    admin.call('session.list', {}),
    admin.call('state.list', { values: true }),
    admin.call('task.list', {}),
    admin.call('workflow.list', {}),
    admin.call('key.list', {}),
    admin.call('approval.list', { state: [...APPROVAL_STATES] }),
    admin.call('host.list', {}),
  ])
  const heads = await Promise.all(
    sessions.map(async ({ session }) => [
      session,
      (await admin.call('stream.read', { session, from: 1 })).head,
    ]),
  )
  const known = {
    sessions,
    heads,
    state,
    tasks,
    workflows,
    door: keys.door,
    // How many connections somebody has is no change.
    principals: keys.principals.map(({ connections: _, ...rest }) => rest),
    approvals,
    hosts: hosts.map(({ host, name, draining, slots, used }) => ({
      host,
      name,
      draining,
      slots,
      used,
    })),
  }
  return JSON.stringify(known, null, 1)
}
