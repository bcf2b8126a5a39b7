/** The audit log of real brokers that are killed at work, and of journals that somebody has tampered with. */
import { hash } from 'node:crypto'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { StoredChunk } from '../../broker/journal/journal.ts'
import { openLmdbJournal } from '../../broker/journal/lmdb-journal.ts'
import type { Client } from '../../clients/sdk/index.ts'
import { recordHash } from '../../protocol/audit-chain.ts'
import type { AuditReport } from '../../protocol/audit-report.ts'
import { decodeTrusted, encode } from '../../protocol/codec.ts'
import type { AuditBody } from '../../protocol/messages/audit.ts'
import { checked, recordsOf } from '../support/audit.ts'
import { runCli } from '../support/cli.ts'
import { Cluster } from '../support/cluster.ts'
import { write } from '../support/journal-contract.ts'
import { flipBit } from '../support/journal-files.ts'

const AUDIT = '@audit'
const DAMAGED = 9

/** Calls one after the other until it is told to stop; keeps the keys of those that were replied. */
class Caller {
  readonly keys: string[] = []
  readonly #client: Client
  readonly #name: string
  #isOver = false
  #onReply: () => void = () => undefined
  readonly #done: Promise<void>

  constructor(client: Client, name: string) {
    this.#client = client
    this.#name = name
    this.#done = this.#run()
  }

  async #run(): Promise<void> {
    for (let n = 0; !this.#isOver; n += 1) {
      const key = `${this.#name}-${n}`
      const options = { idempotencyKey: key, deadlineMs: 60_000 }
      await this.#client.call('state.set', { key: `${this.#name}/${n % 5}`, value: n }, options)
      this.keys.push(key)
      this.#onReply()
    }
  }

  /** Resolves after this many more replies. */
  replies(count: number): Promise<void> {
    const wanted = this.keys.length + count
    const replied = new Promise<void>((resolve) => {
      this.#onReply = () => this.keys.length >= wanted && resolve()
    })
    return Promise.race([replied, this.#done]) // which fails with the first call that does
  }

  stop(): Promise<void> {
    this.#isOver = true
    return this.#done
  }
}

t.test(
  'a broker that is killed at work keeps its chain, and every call that was replied',
  async (t) => {
    const cluster = await Cluster.make(t)
    let broker = await cluster.broker()
    const client = await cluster.connect()
    const callers = Array.from({ length: 8 }, (_, index) => new Caller(client, `c${index}`))
    const kills = 3
    for (let life = 1; life <= kills; life += 1) {
      await Promise.all(callers.map((one) => one.replies(15)))
      await cluster.signal(broker, 'SIGKILL')
      broker = await cluster.broker()
    }
    await Promise.all(callers.map((one) => one.stop()))
    const records = await recordsOf(client)
    t.same(checked(records).breaks, [])
    t.equal(records.filter(({ method }) => method === 'broker.started').length, kills + 1)
    const told = new Map<string, number>()
    for (const { key, executed } of records) {
      if (key !== undefined && executed !== 'no') told.set(key, (told.get(key) ?? 0) + 1)
    }
    const keys = callers.flatMap((one) => one.keys)
    t.ok(keys.length >= 8 * 15 * kills)
    const unrecorded = keys.filter((key) => told.get(hash('sha256', key, 'base64url')) !== 1)
    t.same(unrecorded, [], 'each has one record')
    await cluster.signal(broker, 'SIGKILL')
    const { exit, report } = await offline(t, cluster)
    t.equal(exit, 0)
    t.match(report, { intact: true, records: records.length })
  },
)

async function offline(t: Test, cluster: Cluster, ...args: string[]) {
  const directory = join(cluster.dir, 'journal')
  const line = ['audit', 'verify', '--journal-dir', directory, '--json', ...args]
  const { exit, stdout } = await runCli(t, cluster.workspace, line)
  return { exit, report: JSON.parse(stdout) as AuditReport }
}

/** A broker that has done some things and has ended, and what its log was at that time. */
async function stopped(t: Test) {
  const cluster = await Cluster.make(t)
  const broker = await cluster.broker()
  const client = await cluster.connect()
  for (let n = 0; n < 8; n += 1) {
    await client.call('state.set', { key: `number/${n}`, value: n })
  }
  const hashes = (await recordsOf(client)).map((record) => record.hash)
  await client.close()
  await cluster.signal(broker, 'SIGKILL')
  return { cluster, hashes, expect: `${hashes.length}:${hashes.at(-1)}` }
}

/** What somebody does who can write the journal. */
async function rewrite(
  cluster: Cluster,
  change: (chunks: readonly StoredChunk[]) => readonly StoredChunk[],
): Promise<void> {
  const journal = openLmdbJournal({ directory: join(cluster.dir, 'journal') })
  const range = { from: 1, to: 1000, maxCount: 1000, maxBytes: 10_000_000 }
  const { chunks } = journal.read(AUDIT, range)
  const changed = change(chunks.map((chunk) => ({ ...chunk, body: Buffer.from(chunk.body) })))
  const operations = changed.map((chunk) => ({ op: 'append', session: AUDIT, chunk }) as const)
  await write(journal, ...operations)
  await journal.close()
}

/** The chunk with another principal in it, and the hash that fits it. */
function forged(chunk: StoredChunk, prev?: string): StoredChunk & { readonly hash: string } {
  const { hash: _, ...body } = decodeTrusted(chunk.body) as AuditBody
  const content = { ...body, principal: 'nobody', ...(prev !== undefined && { prev }) }
  const own = recordHash({ ...content, seq: chunk.sequence, time: chunk.time })
  return { ...chunk, body: encode({ ...content, hash: own }), hash: own }
}

t.test('a byte of a record that is not what it was is found', async (t) => {
  const { cluster, hashes } = await stopped(t)
  t.match(await offline(t, cluster), { exit: 0, report: { intact: true, records: 9 } })
  flipBit(join(cluster.dir, 'journal'), hashes[5] ?? '') // the next one has it as well
  const { exit, report } = await offline(t, cluster)
  t.equal(exit, DAMAGED)
  t.match(report, { intact: false, breaks: [{ seq: 6, what: /all to 7 cannot be read/ }] })
})

t.test(
  'a record that was changed, with a hash that fits it, is found at the next one',
  async (t) => {
    const { cluster } = await stopped(t)
    await rewrite(cluster, (chunks) => chunks.slice(4, 5).map((chunk) => forged(chunk)))
    const { exit, report } = await offline(t, cluster)
    t.equal(exit, DAMAGED)
    t.match(report, { break_count: 1, breaks: [{ seq: 6, what: /does not hold the hash of 5/ }] })
    await cluster.broker()
    const online = await runCli(t, cluster.workspace, ['audit', 'verify'], {
      env: { AGENTMQ_DIR: cluster.dir },
    })
    t.match(online, { exit: DAMAGED, stdout: /broken at 6: .*\n.*BROKEN/ })
  },
)

t.test('a chain that was written anew is found by a head that was kept elsewhere', async (t) => {
  const { cluster, expect } = await stopped(t)
  await rewrite(cluster, (chunks) => {
    let prev: string | undefined
    return chunks.slice(4).map((chunk) => {
      const made = forged(chunk, prev)
      prev = made.hash
      return made
    })
  })
  t.match(await offline(t, cluster), { exit: 0, report: { intact: true } }, 'not by the chain')
  const { exit, report } = await offline(t, cluster, '--expect', expect)
  t.equal(exit, DAMAGED)
  t.match(report.breaks, [{ seq: 9, what: /not expected/ }])
})
