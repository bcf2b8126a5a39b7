/** Attacks on the files of an installation: keys that others know, and records that were damaged. */
import { randomBytes } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { newKeyPair } from '../../protocol/keys/key-pair.ts'
import { ownKeys, readKeys, writeKeys } from '../../protocol/process/key-file.ts'
import { AttackStage } from '../support/attack-stage.ts'
import { damageRecord } from '../support/journal-files.ts'
import { LiveBroker } from '../support/live-broker.ts'

function place(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'amq-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return join(dir, 'some.key')
}

t.test('a key that others may read, or change, is not used', async (t) => {
  const path = place(t)
  ownKeys(path, randomBytes)
  for (const mode of [0o604, 0o640, 0o620, 0o602, 0o644, 0o666, 0o777]) {
    chmodSync(path, mode)
    t.throws(() => readKeys(path), { code: 'BAD_CONFIG', message: /others may read it/ })
    t.throws(() => ownKeys(path, randomBytes), { code: 'BAD_CONFIG' }, 'nor replaced by another')
  }
  chmodSync(path, 0o600)
  t.ok(readKeys(path))
})

t.test('what is wrong with a key file is told without the key', async (t) => {
  const path = place(t)
  const { secretKey, publicKey } = newKeyPair(randomBytes)
  const other = newKeyPair(randomBytes)
  const texts = [
    secretKey,
    `{"agentmq_key":1,"public":"${publicKey}","secret":"${secretKey}"`,
    `{"agentmq_key":1,"public":"${publicKey}","secret":"${secretKey}x"}`,
    `{"agentmq_key":1,"public":"${other.publicKey}","secret":"${secretKey}"}`,
    `{"agentmq_key":2,"public":"${publicKey}","secret":"${secretKey}"}`,
    `{"agentmq_key":1,"public":"${publicKey}","secret":"${secretKey}","${secretKey}":1}`,
  ]
  for (const text of texts) {
    rmSync(path, { force: true })
    writeFileSync(path, text, { mode: 0o600 })
    try {
      readKeys(path)
      t.fail('it was read')
    } catch (thrown) {
      const said = `${String(thrown)} ${JSON.stringify(thrown)} ${(thrown as Error).stack}`
      t.match(thrown, { code: 'BAD_CONFIG' })
      t.notOk(said.includes(secretKey), 'the key is in what is said')
    }
  }
})

t.test('a key file is whole at any time', async (t) => {
  const path = place(t)
  const current = ownKeys(path, randomBytes)
  const next = newKeyPair(randomBytes)
  writeKeys(path, { current, next })
  t.same(readKeys(path), { current, next })
  t.throws(() => writeKeys(join(path, 'below'), { current }), { code: 'BAD_CONFIG' })
  t.same(readKeys(path), { current, next })
})

t.test(
  'a key whose record is damaged is not believed, and its name is not given away',
  async (t) => {
    const broker = await LiveBroker.start(t, { listen: 'tcp://127.0.0.1:*' })
    const before = await AttackStage.on(t, broker)
    const root = await before.principal('root', ['admin'])
    await before.principal('anna', ['operator'])
    await before.admin.call('key.revoke', { principal: 'anna' })
    await broker.stop()
    for (const name of ['root', 'anna']) {
      await damageRecord(join(broker.dir, 'journal'), 'principals', name)
    }
    await broker.start()
    const stage = await AttackStage.on(t, broker)
    t.match(await stage.attempt(root), { type: 'refused' })
    const key = newKeyPair(randomBytes).publicKey
    for (const principal of ['root', 'anna']) {
      const adding = stage.admin.call('key.add', { principal, key, roles: ['admin'] })
      await t.rejects(adding, { code: 'STORAGE_FAILED', message: /use another name/ })
    }
    t.ok(await stage.welcomed(await stage.principal('root2', ['admin'])))
  },
)
