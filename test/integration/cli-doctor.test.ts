/** `agentmq doctor` against real faults: each is named, with what to do, and the exit code says so. */
import { chmodSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { runCli } from '../support/cli.ts'
import { Cluster } from '../support/cluster.ts'

interface Finding {
  readonly check: string
  readonly verdict: string
  readonly found: string
  readonly advice?: string
}

async function examine(t: Test, { workspace, dir }: Cluster) {
  const { exit, stdout } = await runCli(t, workspace, ['doctor', '--json', '--dir', dir])
  const { findings, problems } = JSON.parse(stdout) as { findings: Finding[]; problems: number }
  const bad = findings.filter(({ verdict }) => verdict === 'problem')
  t.equal(bad.length, problems)
  return { exit, findings, bad }
}

const socketOf = ({ dir }: Cluster) => join(dir, 'run', 'broker.sock')

t.test('a broker that is well, with a host, has no problem', async (t) => {
  const { cluster } = await Cluster.start(t)
  const { exit, findings, bad } = await examine(t, cluster)
  t.same([exit, bad], [0, []])
  const checks = findings.map(({ check }) => check)
  for (const check of ['disk', 'socket', 'version', 'health', 'clock', 'streams']) {
    t.ok(checks.includes(check), check)
  }
  const { stdout } = await runCli(t, cluster.workspace, ['doctor', '--dir', cluster.dir])
  t.match(stdout, /^✓ streams: what is published arrives$/m)
})

t.test('no broker, and one that was killed, are told apart', async (t) => {
  const cluster = await Cluster.make(t)
  const missing = await examine(t, cluster)
  t.equal(missing.exit, 1)
  t.match(missing.bad, [{ check: 'socket', found: /there is no/, advice: /agentmq up/ }])
  await cluster.signal(await cluster.broker(), 'SIGKILL')
  const stale = await examine(t, cluster)
  t.match(stale.bad, [{ check: 'socket', found: /is stale: its broker is gone/ }])
})

t.test('a broker that is stopped is named with its process', async (t) => {
  const cluster = await Cluster.make(t)
  const broker = await cluster.broker()
  broker.process.kill('SIGSTOP')
  const { bad } = await examine(t, cluster)
  t.match(bad, [{ check: 'socket', advice: `kill -CONT ${broker.pid}` }])
})

t.test('a socket that another process has taken over is named with both processes', async (t) => {
  const cluster = await Cluster.make(t)
  const broker = await cluster.broker()
  writeFileSync(`${socketOf(cluster)}.owner`, `${process.pid} 0`)
  const { bad } = await examine(t, cluster)
  const found = `process ${process.pid} owns ${socketOf(cluster)}, but process ${broker.pid} answers`
  t.ok(bad.some((one) => one.check === 'socket' && one.found.startsWith(found)))
})

t.test('somebody else who listens on the socket is no broker', async (t) => {
  const cluster = await Cluster.make(t)
  await cluster.signal(await cluster.broker(), 'SIGTERM')
  const server = createServer((socket) => socket.resume())
  await new Promise<void>((resolve) => server.listen(socketOf(cluster), resolve))
  chmodSync(socketOf(cluster), 0o600)
  t.teardown(() => server.close())
  const { bad } = await examine(t, cluster)
  t.match(bad, [{ check: 'broker', found: /does not answer: .*not agentmq/ }])
})

t.test(
  'a directory that others may write to is a problem, and so is a host that is away',
  async (t) => {
    const { cluster, host } = await Cluster.start(t)
    chmodSync(join(cluster.dir, 'run'), 0o777)
    await cluster.signal(host, 'SIGKILL')
    const { bad } = await examine(t, cluster)
    t.match(bad[0], { check: 'sockets', found: /others may write/, advice: /chmod 700/ })
    t.match(bad.at(-1), { check: /^host /, found: /is not connected since/ })
  },
)
