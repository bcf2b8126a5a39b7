/** `logs -f` over restarts of the broker. */
import t from 'tap'
import { runCli, startCli } from '../support/cli.ts'
import { Cluster } from '../support/cluster.ts'

t.test(
  'logs -f prints each chunk once across a broker that was killed, and ends with the session',
  async (t) => {
    const { cluster, broker } = await Cluster.start(t)
    const env = { AGENTMQ_DIR: cluster.dir }
    const run = (...args: string[]) => runCli(t, cluster.workspace, args, { env })
    await run('spawn', '--backend', 'demo', '--name', 'blue', '@@echo(before the crash)')
    const logs = startCli(t, cluster.workspace, ['logs', 'blue', '-f', '--json'], { env })
    await logs.says('before the crash')
    await cluster.signal(broker, 'SIGKILL')
    await cluster.broker()
    const told = await run('prompt', 'blue', '@@echo(after the crash)')
    t.equal(told.exit, 0, told.stderr)
    await logs.says('after the crash')
    await run('stop', 'blue')
    const { exit, stdout } = await logs.result
    t.equal(exit, 0)
    const sequences = stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { seq: number }).seq)
    t.same(
      sequences,
      sequences.map((_sequence, index) => index + 1),
    )
  },
)
