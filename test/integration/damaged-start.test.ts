/** A real broker starts on a journal with damaged records: what is lost is told, the rest is served. */
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { ApprovalRecord } from '../../broker/core/approval-record.ts'
import type { JournalOperation, Table } from '../../broker/journal/journal.ts'
import { openLmdbJournal } from '../../broker/journal/lmdb-journal.ts'
import type { Client, SessionHandle } from '../../clients/sdk/index.ts'
import { runCli } from '../support/cli.ts'
import { write } from '../support/journal-contract.ts'
import { damageRecord } from '../support/journal-files.ts'
import { LiveBroker } from '../support/live-broker.ts'
import { ScriptedHost } from '../support/scripted-host.ts'

async function epochOf(t: Test, broker: LiveBroker): Promise<number> {
  const client = await broker.connect(t)
  const { epoch } = await client.call('system.info', {})
  await client.close()
  return epoch
}

/** A new life of the broker, on a journal to which something was done meanwhile. */
async function nextLife(broker: LiveBroker, damage: (journal: string) => Promise<void>) {
  await broker.stop()
  await damage(join(broker.dir, 'journal'))
  await broker.start()
}

const damaged = (table: Table, ...keys: string[]) => {
  return async (journal: string) => {
    for (const key of keys) await damageRecord(journal, table, key)
  }
}

const written = (...operations: JournalOperation[]) => {
  return async (directory: string) => {
    const journal = openLmdbJournal({ directory })
    await write(journal, ...operations)
    await journal.close()
  }
}

/** What the broker says of damage that it has met. */
async function complaintsOf(client: Client): Promise<readonly string[]> {
  const { problems } = await client.call('system.health', {})
  return problems.filter((problem) => problem.includes('checksum'))
}

t.test('the epoch rises over damage to one of its records, and to both', async (t) => {
  const began = Date.now()
  const broker = await LiveBroker.start(t)
  t.equal(await epochOf(t, broker), 1)
  await nextLife(broker, damaged('meta', 'epoch'))
  t.equal(await epochOf(t, broker), 2, 'the copy tells')
  await nextLife(broker, damaged('meta', 'epoch-copy'))
  t.equal(await epochOf(t, broker), 3, 'the first was healed, and tells')
  await nextLife(broker, damaged('meta', 'epoch', 'epoch-copy'))
  t.match(await complaintsOf(await broker.connect(t)), [/^\d+ records of the journal failed/])
  const high = await epochOf(t, broker)
  t.ok(high > began, 'above all that there can have been')
  await broker.restart()
  t.equal(await epochOf(t, broker), high + 1, 'both were healed')
  t.same(await complaintsOf(await broker.connect(t)), [])
  await nextLife(broker, damaged('meta', 'epoch', 'epoch-copy'))
  t.ok((await epochOf(t, broker)) > high + 1, 'also for the second time')
})

t.test('a journal from before there was a copy of the epoch goes on', async (t) => {
  const broker = await LiveBroker.start(t)
  const remove = { op: 'delete', table: 'meta', key: 'epoch-copy' } as const
  await nextLife(broker, written(remove))
  t.equal(await epochOf(t, broker), 2)
})

/** Prompts, and reads up to the end of the turn. */
async function turnOf(client: Client, { id }: SessionHandle, text: string): Promise<void> {
  const { turn } = await client.session(id).prompt(text)
  for await (const item of client.follow(id)) {
    if (item.type === 'turn_complete' && item.turn_number === turn) return
  }
}

t.test('a session whose record is damaged is told, and the others are served', async (t) => {
  const broker = await LiveBroker.start(t)
  const host = await ScriptedHost.start({ endpoint: broker.endpoint })
  t.teardown(() => host.close())
  const client = await broker.connect(t)
  const lost = await client.createSession({ backend: 'script', name: 'lost' })
  const kept = await client.createSession({ backend: 'script', name: 'kept' })
  await turnOf(client, lost, 'what was said')
  const registered = host.registered()
  await nextLife(broker, damaged('sessions', lost.id))
  await registered
  const { sessions } = await client.call('session.list', {})
  t.same(
    sessions.map(({ session }) => session),
    [kept.id],
  )
  await t.rejects(lost.refresh(), { code: 'STORAGE_FAILED', message: /is damaged/ })
  await turnOf(client, kept, 'go on')
  const again = await client.createSession({ backend: 'script', name: 'lost' })
  t.not(again.id, lost.id, 'its name is free')
  const args = ['journal', 'export', '--dir', broker.dir, '--session', lost.id]
  t.match((await runCli(t, broker.dir, args)).stdout, 'what was said')
  const verdict = await runCli(t, broker.dir, ['journal', 'verify', '--dir', broker.dir])
  t.match(verdict, { exit: 9, stdout: `damaged: sessions ${lost.id}` })
})

t.test('a request whose key is damaged is not carried out a second time', async (t) => {
  const broker = await LiveBroker.start(t)
  const host = await ScriptedHost.start({ endpoint: broker.endpoint })
  t.teardown(() => host.close())
  const client = await broker.connect(t)
  const session = await client.createSession({ backend: 'script' })
  const prompt = (idempotencyKey: string) => {
    const params = { session: session.id, text: idempotencyKey }
    return client.call('session.prompt', params, { idempotencyKey })
  }
  t.match(await prompt('one'), { turn: 1 })
  t.match(await prompt('two'), { turn: 2 })
  await nextLife(broker, damaged('idempotency', 'local\none'))
  const refused = { code: 'STORAGE_FAILED', executed: 'unknown' }
  await t.rejects(prompt('one'), refused)
  t.match(await prompt('two'), { turn: 2 }, 'the others are as they were')
  await broker.restart()
  await t.rejects(prompt('one'), refused, 'also in the life after')
  t.same(await complaintsOf(client), [], 'its record is healed')
})

function question(session: string, approval: string, change: number): JournalOperation {
  const value: ApprovalRecord = {
    ...{ approval, session, epoch: 1, turn: 1, sequence: change, tool_id: 't' },
    ...{ tool_name: 'tool', options: ['allow', 'deny'], asked_at: 1, change },
    standing: { kind: 'pending' },
  }
  return { op: 'put', table: 'approvals', key: `${session}/${approval}`, value }
}

t.test('a damaged question, and a damaged mark of a drained host, hide no others', async (t) => {
  const broker = await LiveBroker.start(t)
  const host = await ScriptedHost.start({ endpoint: broker.endpoint })
  t.teardown(() => host.close())
  const client = await broker.connect(t)
  const { id } = await client.createSession({ backend: 'script' })
  await client.call('host.drain', { host: 'scripted' })
  const registered = host.registered()
  await nextLife(broker, async (journal) => {
    const questions = ['first', 'second', 'third'].map((name, at) => question(id, name, at + 1))
    await written(...questions)(journal)
    await damageRecord(journal, 'approvals', `${id}/second`)
    await damageRecord(journal, 'meta', 'draining/scripted')
  })
  await registered
  const approvals = await client.approvals()
  t.same(
    approvals.map(({ approval }) => approval),
    ['first', 'third'],
  )
  const here = { backend: 'script', host: 'scripted' }
  await t.rejects(client.createSession(here), { code: 'HOST_DRAINING' })
  await client.call('host.undrain', { host: 'scripted' })
  await client.createSession(here)
})

t.test('a damaged key and a damaged task are not absent, and hide no others', async (t) => {
  const broker = await LiveBroker.start(t)
  const client = await broker.connect(t)
  const set = (key: string, version?: number) =>
    client.call('state.set', { key, value: 1, ...(version !== undefined && { version }) })
  await set('kept')
  await set('lost')
  const { task: kept } = await client.call('task.create', { title: 'kept' })
  const { task: lost } = await client.call('task.create', { title: 'lost' })
  await nextLife(broker, async (journal) => {
    await damageRecord(journal, 'state', 'lost')
    await damageRecord(journal, 'tasks', lost)
  })
  const { entries } = await client.call('state.list', { values: true })
  t.match(entries, [{ key: 'kept', value: 1 }])
  const refused = { code: 'STORAGE_FAILED', message: /damaged/ }
  await t.rejects(client.call('state.get', { key: 'lost' }), refused)
  await t.rejects(set('lost', 0), refused)
  const { version } = await set('lost')
  t.ok(version > 1_000_000, 'above all that it can have been')
  t.match(await client.call('state.get', { key: 'lost' }), { value: 1, version })
  t.match(await client.call('task.list', {}), { tasks: [{ task: kept }], total: 1 })
  await t.rejects(client.call('task.get', { task: lost }), refused)
  await t.rejects(client.call('task.update', { task: lost, title: 'x' }), refused)
  t.same(await client.call('task.remove', { task: lost }), { task: lost, title: '' })
  await t.rejects(client.call('task.get', { task: lost }), { code: 'NO_SUCH_TASK' })
  await broker.restart()
  t.same(await complaintsOf(client), [], 'nothing damaged is left')
})
