/** Real hosts, and clients that ask for what these do not allow. */
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Client } from '../../clients/sdk/index.ts'
import { textOf, turn } from '../support/chunks.ts'
import { Cluster } from '../support/cluster.ts'

const PROGRAMS = JSON.stringify({ cat: { command: 'cat', idle_ms: 50 } })

const refused = (what: RegExp) => ({ code: 'NOT_ALLOWED', executed: 'no', message: what })

async function withBroker(t: Test): Promise<{ cluster: Cluster; client: Client; args: string[] }> {
  const cluster = await Cluster.make(t)
  await cluster.broker()
  const args = ['--name', 'one', '--stdio-commands', PROGRAMS, '--stop-ms', '300']
  return { cluster, client: await cluster.connect(), args }
}

t.test('what is not allowed is refused by the host itself, and nothing was started', async (t) => {
  const { cluster, client, args } = await withBroker(t)
  const { workspace } = cluster
  await cluster.host({ args: [...args, '--root', workspace] })
  symlinkSync('/etc', join(workspace, 'way-out'))
  const create = (more: object) =>
    client.createSession({ backend: 'demo', cwd: workspace, ...more })
  await t.rejects(create({ cwd: join(workspace, 'way-out') }), refused(/outside of its roots/))
  await t.rejects(create({ cwd: `${workspace}/..` }), refused(/outside of its roots/))
  await t.rejects(create({ extra_args: ['--mcp-config={}'] }), refused(/--mcp-config for demo/))
  await t.rejects(create({ env: { LD_PRELOAD: '/x.so' } }), refused(/LD_PRELOAD/))
  await t.rejects(create({ env: { AGENTMQ_DEMO_STATE: '/etc' } }), refused(/AGENTMQ_DEMO_STATE/))
  await t.rejects(create({ model: '--version' }), { code: 'INVALID_PARAMS' })
  const { sessions } = await client.call('session.list', {})
  t.ok(sessions.every(({ status, last_pid }) => status === 'failed' && last_pid === null))
  const session = await create({ model: 'good', env: { AGENTMQ_DEMO_DELAY_MS: '1' } })
  t.match(session.info, { status: 'idle', cwd: workspace })
})

t.test('a recovery is looked at like a start, by what the host allows now', async (t) => {
  const { cluster, client, args } = await withBroker(t)
  const places = [join(cluster.dir, 'a'), join(cluster.dir, 'b')] as const
  for (const place of places) mkdirSync(place)
  const first = await cluster.host({ args: [...args, '--root', places[0], '--root', places[1]] })
  const create = (backend: string, cwd: string) => client.createSession({ backend, cwd })
  const inA = await create('demo', places[0])
  const inB = await create('demo', places[1])
  const program = await create('cat', places[1])
  const all = [inA, inB, program]
  await cluster.signal(first, 'SIGKILL')
  await cluster.host({ args: [...args, '--root', places[1], '--allow-backend', 'demo'] })
  const [host] = (await client.call('host.list', {})).hosts
  t.match(host?.backends, [{ name: 'demo', available: true }], 'the others are not offered')
  t.equal(host?.backends.length, 1)
  for (const { id } of all) {
    while ((await client.call('session.get', { session: id })).status === 'lost');
  }
  await t.rejects(inA.recover(), refused(/outside of its roots/))
  await t.rejects(program.recover(), { code: /^(NOT_ALLOWED|NO_BACKEND)$/ })
  t.match(await inB.recover(), { status: 'idle', cwd: places[1] })
})

t.test('what lies where a session works does not decide what runs', async (t) => {
  const { cluster, client, args } = await withBroker(t)
  const { workspace } = cluster
  writeFileSync(join(workspace, 'cat'), '#!/bin/sh\necho a program of the session\n')
  chmodSync(join(workspace, 'cat'), 0o755)
  const env = { PATH: `.::${process.env['PATH']}` }
  await cluster.host({ args: [...args, '--root', workspace], env })
  const session = await client.createSession({ backend: 'cat', cwd: workspace })
  t.equal(textOf(await turn(session, 'hello')), 'hello\n')
})

t.test('a root or a backend that is not there is told at the start', async (t) => {
  const { cluster, args } = await withBroker(t)
  const start = (...more: string[]) => cluster.host({ args: [...args, ...more] })
  await t.rejects(start('--root', join(cluster.dir, 'none')), { message: /root .*none is no dir/ })
  await t.rejects(start('--allow-backend', 'cluade'), { message: /did you mean claude/ })
  await t.rejects(start('--allow-arg', 'verbose'), { message: /--allow-arg/ })
})
