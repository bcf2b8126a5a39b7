/** agent.spawn behind every door: what is kept of a request, and what the log knows when it fails. */
import pino from 'pino'
import t from 'tap'
import { AgentTypes } from '../../clients/shim/legacy/agent-types.ts'
import { CONFIG_KEPT, keptConfig } from '../../clients/shim/legacy/kept-config.ts'
import type { LegacyPorts } from '../../clients/shim/legacy/ports.ts'
import { spawn } from '../../clients/shim/legacy/spawn.ts'
import { ProtocolError } from '../../protocol/errors.ts'

type Call = (method: string, params: Readonly<Record<string, unknown>>) => unknown

function portsWith(call: Call): { readonly ports: LegacyPorts; readonly logged: string[] } {
  const logged: string[] = []
  const ports = {
    client: { call: async (...args: Parameters<Call>) => call(...args) },
    log: pino({ level: 'info' }, { write: (line) => void logged.push(line) }),
    types: new AgentTypes({ '*': 'demo' }),
    now: () => 0,
    pause: async () => undefined,
    hostWaitMs: 0,
  }
  return { ports: ports as unknown as LegacyPorts, logged }
}

t.test('values of the environment go to the agent and are not kept', async (t) => {
  const asked: Readonly<Record<string, unknown>>[] = []
  const { ports, logged } = portsWith((_method, params) => {
    asked.push(params)
    return { session: 's' }
  })
  const config = { model: 'm', environment: { API_KEY: 'hidden', B: 'hidden too' } }
  await spawn(ports, { name: 'a', type: 'x', config, isLoose: true })
  t.match(asked[0], {
    env: { API_KEY: 'hidden', B: 'hidden too' },
    metadata: { config: { model: 'm', environment: { API_KEY: '***', B: '***' } } },
  })
  t.notMatch(JSON.stringify(asked[0]?.['metadata']), /hidden/)
  t.notMatch(logged.join(''), /hidden/)
})

t.test('whatever stands where an environment should', async (t) => {
  t.same(keptConfig({ environment: ['A=hidden'], env: { A: 1 } }), {
    environment: '***',
    env: { A: '***' },
  })
  t.same(keptConfig({ environment: null }), { environment: null })
  for (const other of [null, 5, 'text', [1], { a: { environment: 1 } }]) {
    t.same(keptConfig(other), other)
  }
  t.equal(keptConfig(undefined), null)
  t.equal(keptConfig('x'.repeat(CONFIG_KEPT)), undefined)
  t.equal(keptConfig('x'.repeat(CONFIG_KEPT - 2)), 'x'.repeat(CONFIG_KEPT - 2))
})

t.test(
  'a program that no host names: the old text to the caller, the reason to the log',
  async (t) => {
    const { ports, logged } = portsWith(() => ({ hosts: [{ status: 'online', backends: [] }] }))
    const request = { name: 'a', type: 'rm-cli', config: {}, isLoose: true }
    await t.rejects(spawn(ports, request), { code: -32003, message: /No such file or directory/ })
    t.match(JSON.parse(logged[0] ?? ''), {
      code: 'NO_BACKEND',
      reason: /no host names such a program/,
    })
  },
)

t.test('so it is with every other start that fails', async (t) => {
  const { ports, logged } = portsWith(() => {
    throw new ProtocolError('START_FAILED', {
      backend: 'demo',
      cause: 'command_missing',
      reason: 'there is no command demo',
    })
  })
  const request = { name: 'a', type: 'x', config: {}, isLoose: true }
  await t.rejects(spawn(ports, request), { message: /No such file or directory/ })
  t.match(JSON.parse(logged[0] ?? ''), { code: 'START_FAILED', agent_type: 'x' })
})
