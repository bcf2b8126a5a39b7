/** Ending an agent, so that it is known to have been wished. */
import type { RepPorts } from './ports.ts'

/** Resolves when its process is gone. Rejects with ProtocolError. */
export async function endAgent(
  client: RepPorts['client'],
  session: string,
  method: 'session.stop' | 'session.kill',
): Promise<void> {
  const note = (terminated: true | null) =>
    client.call('session.annotate', { session, metadata: { terminated } })
  await note(true) // before, so that nobody sees it completed in between
  try {
    await client.call(method, { session })
  } catch (thrown) {
    await note(null).catch(() => undefined)
    throw thrown
  }
}
