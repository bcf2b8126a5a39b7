/** Takes away every session, task and key of a broker, so that the next case finds none. */
import type { Client } from '../../../clients/sdk/index.ts'

/** Rejects when something does not let itself be taken away. */
export async function emptyBroker(client: Client): Promise<void> {
  await Promise.all([removeSessions(client), removeTasks(client), deleteKeys(client)])
}

async function removeSessions(client: Client): Promise<void> {
  const { sessions } = await client.call('session.list', {})
  const removals = sessions.map(async ({ session, status }) => {
    if (status !== 'ended' && status !== 'failed') await client.call('session.kill', { session })
    await client.call('session.remove', { session })
  })
  await Promise.all(removals)
}

async function removeTasks(client: Client): Promise<void> {
  const { tasks } = await client.call('task.list', {})
  await Promise.all(tasks.map(({ task }) => client.call('task.remove', { task })))
}

async function deleteKeys(client: Client): Promise<void> {
  const { entries } = await client.call('state.list', {})
  await Promise.all(entries.map(({ key }) => client.call('state.delete', { key })))
}
