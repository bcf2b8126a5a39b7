/** The tests of readonly-disk.test.ts, run as root of a user and mount namespace of their own. */
import t, { type Test } from 'tap'
import type { Client } from '../../clients/sdk/index.ts'
import { type ErrorCode, ProtocolError } from '../../protocol/errors.ts'
import { only, textOf, turn, until } from './chunks.ts'
import { runCli } from './cli.ts'
import { Cluster, type Part } from './cluster.ts'
import { ReadOnlyDisk } from './readonly-disk.ts'

/** How it ended; undefined when it was done. */
async function failureOf(work: Promise<unknown>): Promise<ProtocolError | undefined> {
  return work.then(
    () => undefined,
    (thrown: unknown) => ProtocolError.from(thrown, 'client'),
  )
}

/**
 * A failed commit may end the process within lmdb 3.5.5, which writes past a buffer of 100 bytes then: at
 * once ("corrupted size vs. prev_size") or later. What the broker does after a failed commit can only be
 * seen when it is still there.
 */
const TRIES = 8

t.test('a disk that becomes read-only stops new work, and nothing else', async (t) => {
  for (let tries = 1; tries <= TRIES; tries += 1) {
    const seen = await disturb(t)
    if (typeof seen === 'object') return check(t, seen)
    t.comment(`lmdb ended the broker at a failed commit (${seen}), try ${tries}`)
  }
  t.fail(`lmdb ended the broker ${TRIES} times`)
})

/** What was seen; or how the broker ended, and whoever waits for one that has ended waits in vain. */
async function disturb(t: Test): Promise<Seen | number | string> {
  const cluster = await Cluster.make(t)
  const disk = new ReadOnlyDisk(t, cluster.dir)
  // Its log is a file too, and has to stay within the limit.
  const quiet = ['--log-level', 'error']
  const broker = await cluster.broker({ args: ['--journal-dir', disk.journal, ...quiet] })
  await cluster.host({ env: { AGENTMQ_DEMO_DELAY_MS: '1' } })
  const client = await cluster.connect()
  const observed = observe({ disk, broker, client })
  observed.catch(() => undefined) // of a broker that has ended nobody asks
  return Promise.race([observed, broker.exited])
}

interface Stage {
  readonly disk: ReadOnlyDisk
  readonly broker: Part
  readonly client: Client
}

type Seen = Awaited<ReturnType<typeof observe>>

async function observe({ disk, broker, client }: Stage) {
  const create = () => client.createSession({ backend: 'demo' })
  const [busy, other] = [await create(), await create()]
  const before = textOf(await turn(other, 'what is on disk already'))
  const { turn: number } = await busy.prompt('@@count(3000)')
  const ended = until(busy.follow(), (item) => {
    return item.type === 'turn_complete' && item.turn_number === number
  })
  ended.catch(() => undefined)
  disk.limit(broker.pid)
  const meanwhile = new Set<ErrorCode | undefined>()
  do {
    meanwhile.add((await failureOf(other.prompt('refused for its size')))?.code)
  } while (!disk.isMadeReadOnly())
  disk.unlimit(broker.pid)
  const refused = [await failureOf(other.prompt('refused')), await failureOf(create())]
  const again = textOf(await until(other.follow(), ({ type }) => type === 'turn_complete'))
  const { problems } = await client.call('system.health', {})
  disk.makeWritable()
  const items = await ended
  const healed = await turn(other, 'it goes on by itself')
  return { before, meanwhile, refused, again, problems, items, healed }
}

function check(t: Test, { before, meanwhile, refused, again, problems, items, healed }: Seen) {
  t.notOk(meanwhile.has(undefined), 'nothing was accepted meanwhile')
  const [prompt, create] = refused
  t.match(prompt, { code: 'STORAGE_FAILED', executed: 'no', message: /EROFS.*make it writable/ })
  t.match(create, { code: 'STORAGE_FAILED', executed: 'no' })
  t.same(again, before, 'reads go on')
  t.match(problems.join(), /EROFS|read-only/i, 'the broker says what is wrong')
  const words = textOf(items).match(/\d+/g)?.map(Number) ?? []
  const counted = Array.from({ length: 3000 }, (_, index) => index + 1)
  t.same(only(items, 'gap'), [])
  t.same(words.slice(-3000), counted, 'what the host had kept is in the stream')
  t.ok(healed.length > 0)
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
