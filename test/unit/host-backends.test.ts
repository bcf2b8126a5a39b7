/** The backends of a host's config: how they are given, and what is refused. */
import t from 'tap'
import { createBackends, hostBackends } from '../../agent-host/backends/index.ts'
import { hostConfig } from '../../agent-host/config.ts'

const command = 'cat'
const env = { HOME: '/nowhere' }

t.test('further backends come from flags, environment and file', (t) => {
  const agents = { goose: { command: 'goose', args: ['acp'], auth: 'key' } }
  const given = JSON.stringify(agents)
  t.same(hostConfig({ env }).acp_agents, {})
  t.same(hostConfig({ env, flags: { 'acp-agents': given } }).acp_agents, agents)
  t.same(hostConfig({ env: { ...env, AGENTMQ_ACP_AGENTS: given } }).acp_agents, agents)
  t.same(hostConfig({ env, file: { acp_agents: agents } }).acp_agents, agents)
  t.end()
})

t.test('what is wrong is named, and not what it holds', (t) => {
  const refusals: readonly [string, RegExp][] = [
    ['{oops', /stdio-commands: .*must be object/],
    ['{"a":{"command":7}}', /\/a\/command must be string/],
    ['{"a":{"comand":"x","command":"cat"}}', /\/a/],
    ['{"a b":{"command":"cat"}}', /stdio-commands/],
    // The whole message: what it was is not in it.
    ['{"a":{"command":"cat","env":{"K":{"x":"secret"}}}}', /: \/a\/env\/K must be string$/],
    ['{"a":{"command":"cat","turn_end":"sometimes"}}', /\/a\/turn_end/],
  ]
  for (const [given, message] of refusals) {
    t.throws(() => hostConfig({ env, flags: { 'stdio-commands': given } }), {
      code: 'BAD_CONFIG',
      message,
    })
  }
  t.end()
})

t.test('a name is one backend, and a rule must be whole', (t) => {
  const names = (options: Parameters<typeof hostBackends>[0]) =>
    hostBackends(options).map(({ name }) => name)
  t.same(names({}), Object.keys(createBackends()))
  t.same(
    names({ acpAgents: { goose: { command } }, stdioCommands: { cat: { command } } }).slice(-2),
    ['goose', 'cat'],
  )
  const code = 'BAD_CONFIG'
  t.throws(() => names({ stdioCommands: { claude: { command } } }), { code, message: /claude is/ })
  t.throws(() => names({ acpAgents: { x: { command } }, stdioCommands: { x: { command } } }), {
    code,
  })
  const rule = { command, turn_end: 'line' } as const
  t.throws(() => names({ stdioCommands: { x: rule } }), { code, message: /end_line/ })
  t.end()
})
