/** The tests of readonly-disk.test.ts, run as root of a user and mount namespace of their own. */
import t, { type Test } from 'tap'
import { type ErrorCode, ProtocolError } from '../../protocol/errors.ts'
import { only, textOf, turn, until } from './chunks.ts'
import { runCli } from './cli.ts'
import { Cluster } from './cluster.ts'
import { ReadOnlyDisk } from './readonly-disk.ts'

/** How it ended; undefined when it was done. */
async function failureOf(work: Promise<unknown>): Promise<ProtocolError | undefined> {
  return work.then(
    () => undefined,
    (thrown: unknown) => ProtocolError.from(thrown, 'client'),
  )
}

/**
 * About one failed commit in ten ends the process within lmdb 3.5.5 ("corrupted size vs. prev_size"): what
 * the broker does after a failed commit can only be seen when it is still there.
 */
const TRIES = 5

t.test('a disk that becomes read-only stops new work, and nothing else', async (t) => {
  for (let tries = 1; tries <= TRIES; tries += 1) {
    if ((await disturb(t)) === 'held') return
    t.comment(`lmdb aborted the broker at a failed commit, try ${tries}`)
  }
  t.fail(`lmdb aborted the broker ${TRIES} times`)
})

async function disturb(t: Test): Promise<'held' | 'aborted'> {
  const cluster = await Cluster.make(t)
  const disk = new ReadOnlyDisk(t, cluster.dir)
  // Its log is a file too, and has to stay within the limit.
  const quiet = ['--log-level', 'error']
  const broker = await cluster.broker({ args: ['--journal-dir', disk.journal, ...quiet] })
  await cluster.host({ env: { AGENTMQ_DEMO_DELAY_MS: '1' } })
  const client = await cluster.connect()
  const create = () => client.createSession({ backend: 'demo' })
  const [busy, other] = [await create(), await create()]
  const before = await turn(other, 'what is on disk already')
  const { turn: number } = await busy.prompt('@@count(3000)')
  const ended = until(busy.follow(), (item) => {
    return item.type === 'turn_complete' && item.turn_number === number
  })
  ended.catch(() => undefined) // of a broker that was aborted nobody waits for it
  disk.limit(broker.pid)
  const codes = new Set<ErrorCode | undefined>()
  do {
    const refused = failureOf(other.prompt('refused for its size'))
    const end = await Promise.race([refused.then(() => undefined), broker.exited])
    if (end === 'SIGABRT') return 'aborted'
    codes.add((await refused)?.code)
  } while (!disk.isMadeReadOnly())
  disk.unlimit(broker.pid)
  t.notOk(codes.has(undefined), 'nothing was accepted meanwhile')
  const failure = await failureOf(other.prompt('refused'))
  t.match(failure, { code: 'STORAGE_FAILED', executed: 'no', message: /EROFS.*make it writable/ })
  t.match(await failureOf(create()), { code: 'STORAGE_FAILED', executed: 'no' })
  const again = await until(other.follow(), ({ type }) => type === 'turn_complete')
  t.same(textOf(again), textOf(before), 'reads go on')
  const { problems } = await client.call('system.health', {})
  t.match(problems.join(), /EROFS|read-only/i, 'the broker says what is wrong')
  disk.makeWritable()
  const items = await ended
  const words = textOf(items).match(/\d+/g)?.map(Number) ?? []
  const counted = Array.from({ length: 3000 }, (_, index) => index + 1)
  t.same(only(items, 'gap'), [])
  t.same(
    words.slice(-3000),
    counted,
    'what the host had kept is in the stream, and nothing is lost',
  )
  t.ok((await turn(other, 'it goes on by itself')).length > 0)
  return 'held'
}

t.test('a broker on a read-only disk says what to do', async (t) => {
  const cluster = await Cluster.make(t)
  const disk = new ReadOnlyDisk(t, cluster.dir)
  t.ok(disk.isMadeReadOnly())
  const args = ['broker', '--dir', cluster.dir, '--journal-dir', disk.journal]
  const { exit, stderr } = await runCli(t, cluster.workspace, args)
  t.not(exit, 0)
  t.match(stderr, /the journal failed: .*EROFS.*make it writable.*--journal-dir/)
})
