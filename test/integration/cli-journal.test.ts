/** `agentmq journal` beside a broker that writes. */
import t from 'tap'
import { runCli, startCli } from '../support/cli.ts'
import { Cluster } from '../support/cluster.ts'

t.test(
  'a journal is verified and exported beside its broker, which is not disturbed',
  async (t) => {
    const { cluster } = await Cluster.start(t)
    const env = { AGENTMQ_DIR: cluster.dir }
    const run = (...args: string[]) => runCli(t, cluster.workspace, args, { env })
    await run('spawn', '--backend', 'demo', '--name', 'blue', '@@echo(first)')
    const busy = startCli(t, cluster.workspace, ['prompt', 'blue', '@@count(20000)'], { env })
    await busy.says('100')
    for (let round = 0; round < 3; round += 1) {
      const { exit, stdout, stderr } = await run('journal', 'verify')
      t.same([exit, stderr], [0, ''], stdout)
    }
    const { exit, stdout } = await busy.result
    t.equal(exit, 0)
    t.match(stdout, '20000')
    const logs = await run('logs', 'blue', '--json')
    const { session } = JSON.parse((await run('ps', '--json')).stdout).sessions[0]
    const exported = await run('journal', 'export', '--session', 'blue')
    const named = logs.stdout.replaceAll('\n{"seq"', `\n{"session":"${session}","seq"`)
    t.equal(exported.stdout, named.replace('{"seq"', `{"session":"${session}","seq"`))
    t.match(await run('journal', 'compact'), { exit: 5, stderr: /in use by process \d+/ })
  },
)
