/** Every turn that was accepted has one end, also when nobody is left who could end it. */
import t from 'tap'
import { until } from '../support/chunks.ts'
import { LiveBroker } from '../support/live-broker.ts'
import { ScriptedHost } from '../support/scripted-host.ts'

t.test('a turn whose process has ended without it ends before the process does', async (t) => {
  const broker = await LiveBroker.start(t)
  const host = await ScriptedHost.start({
    endpoint: broker.endpoint,
    onPrompt: (agents, { session }) => {
      agents.append(session, 0, 'complete', { exit_code: 1, session_id: session })
    },
  })
  t.teardown(() => host.close())
  const client = await broker.connect(t)
  const session = await client.createSession({ backend: 'script' })
  await session.prompt('what the process never hears')
  const items = await until(session.follow(), ({ type }) => type === 'complete')
  const [end, complete] = items.slice(-2)
  t.match(end, { type: 'turn_complete', turn_number: 1, turn: 1, reason: 'gone' })
  t.match(complete, { type: 'complete', exit_code: 1 })
  t.match(await session.refresh(), { status: 'failed', pending_turns: 0 })
})
