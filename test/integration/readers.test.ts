/** The lag of readers that are processes of their own: one is stopped and goes on. */
import { setTimeout as delay } from 'node:timers/promises'
import t from 'tap'
import type { Client } from '../../clients/sdk/index.ts'
import { turn } from '../support/chunks.ts'
import { runCli, startCli } from '../support/cli.ts'
import { Cluster } from '../support/cluster.ts'

/** Asks until the only reader is as wanted; the broker answers each time with what it knows then. */
async function readerThat(client: Client, isWanted: (lag: number, position: number) => boolean) {
  for (;;) {
    const { readers } = await client.call('stream.readers', {})
    const [reader] = readers
    if (reader && reader.reported_ms >= 0 && isWanted(reader.lag, reader.position)) return reader
    await delay(20) // a report comes without an event
  }
}

t.test('a stopped reader falls behind, is seen to, and catches up', async (t) => {
  const cluster = await Cluster.make(t)
  // A stopped process must not be lost for as long as this test may take.
  await cluster.broker({ args: ['--liveness-ms', '300000'] })
  await cluster.host()
  const client = await cluster.connect()
  const session = await client.createSession({ backend: 'demo', name: 'blue' })
  await turn(session, '@@echo(hello)')
  const env = { AGENTMQ_DIR: cluster.dir }
  const logs = startCli(t, cluster.workspace, ['logs', 'blue', '-f'], { env })
  await logs.says('hello')
  const caughtUp = await readerThat(client, (lag) => lag === 0)

  logs.process.kill('SIGSTOP')
  // `run` is a reader as well, and is gone when its turn has ended.
  const { turn: second } = await session.prompt('@@echo(missed)')
  for await (const item of client.follow(session.id)) {
    if (item.type === 'turn_complete' && item.turn_number === second) break
  }
  const behind = await readerThat(client, (lag) => lag > 0)
  t.equal(behind.position, caughtUp.position)
  await session.prompt('@@echo(missed too)')
  const further = await readerThat(client, (lag) => lag > behind.lag)
  t.equal(further.position, caughtUp.position)
  t.ok(further.opened_ms >= further.reported_ms)

  const shown = await runCli(t, cluster.workspace, ['readers', 'blue'], { env })
  t.match(shown, { exit: 0, stdout: /SESSION .* LAG .* REPORTED/ })
  t.match(shown.stdout, new RegExp(`local +[0-9a-f]+ +yes +${further.position} +\\d+ +[1-9]`))
  const json = await runCli(t, cluster.workspace, ['readers', '--json'], { env })
  t.match(JSON.parse(json.stdout), { total: 1, readers: [{ session: session.id, live: true }] })

  logs.process.kill('SIGCONT')
  await logs.says('missed too')
  const back = await readerThat(client, (lag) => lag === 0)
  t.ok(back.position > further.position)
})
