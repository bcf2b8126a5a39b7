/** An agent of the host's config, by the Agent Client Protocol: real processes, broker and host. */
import t from 'tap'
import { acpArguments } from '../support/acp-agent.ts'
import { only, textOf, turn, until } from '../support/chunks.ts'
import { Cluster } from '../support/cluster.ts'

/** It names its session itself, can load it again, and plays it back then. */
const SCRIPT = `
  on.initialize = ({ id }) =>
    say({ id, result: { protocolVersion: 1, agentCapabilities: { loadSession: true } } })
  on['session/load'] = ({ id, params }) => {
    text('all of this was said before')
    loaded = params.sessionId
    say({ id, result: {} })
  }
  let loaded = 'nothing'
  on['session/prompt'] = () => { text(process.env.AGENT_KIND + ' was given ' + loaded); ask() }
  on.answer = ({ result }) => { text(', ' + result.outcome.outcome); end() }`

const AGENTS = {
  goose: {
    title: 'Goose',
    command: process.execPath,
    args: acpArguments(SCRIPT),
    env: { AGENT_KIND: 'config' },
  },
  missing: { command: '/no/such/agent' },
}

t.test('an agent of the config is a backend like any other', async (t) => {
  const cluster = await Cluster.make(t)
  await cluster.broker()
  const args = ['--root', cluster.workspace, '--acp-agents', JSON.stringify(AGENTS)]
  await cluster.host({ args: [...args, '--stop-ms', '300'] })
  const client = await cluster.connect()
  const { hosts } = await client.call('host.list', {})
  const found = new Map(hosts[0]?.backends.map((backend) => [backend.name, backend]))
  t.match(found.get('goose'), { title: 'Goose', available: true })
  t.match(found.get('missing'), { available: false, reason: /\/no\/such\/agent/ })

  const create = () =>
    client.createSession({ backend: 'goose', cwd: cluster.workspace, allowed_tools: ['touch'] })
  const session = await create()
  t.equal(textOf(await turn(session, 'hello')), 'config was given nothing, selected')

  const { pid } = await session.refresh()
  process.kill(pid ?? 0, 'SIGKILL')
  await until(session.follow(), ({ type }) => type === 'complete')
  t.match(await session.recover(), { status: 'idle', epoch: 2 })
  const again = await turn(session, 'and now?')
  t.equal(textOf(again), 'config was given s1, selected', 'the id that the agent had chosen')
  t.same(only(again, 'stderr'), [], 'and what it played back is not told')
  t.match(await session.stop(), { status: 'ended', exit_code: 0 })
})
