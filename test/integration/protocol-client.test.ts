/**
 * The client of docs/protocol.md, as it stands on the page, in Python: on the socket of this machine, and over
 * a network with a key of its own. AGENTMQ_PYTHON names a python3 that has zmq, msgpack and cryptography.
 */
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ownKeys } from '../../protocol/process/key-file.ts'
import { CliRun, shortDir } from '../support/cli.ts'
import { Cluster } from '../support/cluster.ts'
import { doorOf, LISTEN } from '../support/remote-peers.ts'

const PAGE = new URL('../../../docs/protocol.md', import.meta.url)
const PROOFS = new URL('../../../test/conformance/fixtures/proof.json', import.meta.url)

const python = [process.env['AGENTMQ_PYTHON'] ?? 'python3', '/usr/bin/python3'].find((name) => {
  const { status } = spawnSync(name, ['-c', 'import zmq, msgpack, cryptography'], {
    timeout: 60_000,
  })
  return status === 0
})
const skip = python === undefined ? 'no python3 with zmq, msgpack and cryptography' : false

/** The program on the page, in a file. */
function program(t: Test): string {
  const [, code = ''] = /^```python\n([\s\S]*?)^```$/m.exec(readFileSync(PAGE, 'utf8')) ?? []
  const path = join(shortDir(t), 'client.py')
  writeFileSync(path, code)
  return path
}

async function runs(t: Test, args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return await new CliRun(t, shortDir(t), [python ?? '', program(t), ...args], { env }).result
}

async function stage(t: Test) {
  const cluster = await Cluster.make(t)
  const broker = await cluster.broker({ args: [...LISTEN] })
  await cluster.host()
  const admin = await cluster.connect()
  const { id } = await admin.createSession({ backend: 'demo', name: 'blue' })
  return { broker, admin, door: doorOf(broker), session: id }
}

t.test('on this machine it lists, asks and follows', { skip }, async (t) => {
  const { broker, session } = await stage(t)
  const endpoint = String(broker.ready['endpoint'])
  const { exit, stdout, stderr } = await runs(t, [endpoint, session, '@@text(40)'])
  t.equal(exit, 0, stderr)
  t.match(stdout, `${session} idle demo blue\nword1 word2 `)
  t.match(stdout, / word40\s+-- \{.*'turn_number': 1/)
})

t.test('over a network it proves its key, and follows as well', { skip }, async (t) => {
  const { admin, door, session } = await stage(t)
  const keyFile = join(shortDir(t), 'python.key')
  const { publicKey } = ownKeys(keyFile, randomBytes)
  const env = { AGENTMQ_BROKER_KEY: door.key, AGENTMQ_KEY_FILE: keyFile }
  await admin.call('key.add', { principal: 'python', key: publicKey, roles: ['operator'] })
  const done = await runs(t, [door.endpoint, session, '@@text(40)'], env)
  t.equal(done.exit, 0, done.stderr)
  t.match(done.stdout, / word40\s+-- \{.*'turn_number': 1/)
  await admin.call('key.add', { principal: 'python', roles: ['host'] })
  const refused = await runs(t, [door.endpoint], env)
  t.match(refused, { exit: 1, stderr: /python lacks the scope operator/ })
})

t.test('its proofs are those of the fixtures', { skip }, async (t) => {
  const check = `
import json, sys
code = open(sys.argv[1]).read().replace("main(*sys.argv[1:])", "")
exec(code)
for one in json.load(open(sys.argv[2])):
    keys = Keys(one["peer"]["public"], one["peer"]["secret"], one["broker"]["public"])
    print(keys.prove(bytes.fromhex(one["nonce"]), one["hello"]).hex())
`
  const argv = [python ?? '', '-c', check, program(t), PROOFS.pathname]
  const { exit, stdout, stderr } = await new CliRun(t, shortDir(t), argv, {}).result
  t.equal(exit, 0, stderr)
  const macs = (JSON.parse(readFileSync(PROOFS, 'utf8')) as { mac: string }[]).map(({ mac }) => mac)
  t.same(stdout.trim().split('\n'), macs)
})
