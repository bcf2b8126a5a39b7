/** `agentmq audit`: what was done is read, filtered, followed and verified, and a stranger can check it. */
import { hash } from 'node:crypto'
import t from 'tap'
import type { AuditRecord } from '../../protocol/messages/audit.ts'
import { recordsOf } from '../support/audit.ts'
import { cliUser } from '../support/cli-user.ts'

const DAMAGED = 9
const SECRET = 'PLANTED-7f3a'

function recordsIn(stdout: string): AuditRecord[] {
  const lines = stdout.split('\n').filter((line) => line !== '')
  return lines.map((line) => JSON.parse(line) as AuditRecord)
}

t.test(
  'what was done is read, filtered, followed and verified from the command line',
  async (t) => {
    const { cluster, run, start } = await cliUser(t)
    await run(['spawn', '--backend', 'demo', '--name', 'blue', `@@echo(${SECRET})`])
    await run(['state', 'set', 'color', `"${SECRET}"`])
    await run(['state', 'set', 'color', '1', '--if-version', '7'])
    const client = await cluster.connect()
    const env = { AGENTMQ_NOTHING: SECRET }
    await t.rejects(client.createSession({ backend: 'none', env, system_prompt: SECRET }))
    const spoken = await run(['audit', 'read'])
    t.equal(spoken.exit, 0)
    t.match(spoken.stdout, /^1 .* - {2}broker\.started .* epoch=1/)
    t.match(spoken.stdout, /local {2}session\.create {2}[0-9a-f]{8} {2}[0-9a-f]{8} {2}done/)
    t.match(spoken.stdout, /local {2}state\.set {2}color {2}VERSION_CONFLICT/)
    const all = recordsIn((await run(['audit', 'read', '--json'])).stdout)
    t.same(all, await recordsOf(client))
    t.notMatch(JSON.stringify(all), SECRET)
    t.notMatch(JSON.stringify(all), 'blue')
    // As a stranger would check it, by docs/audit.md.
    for (const { hash: told, ...rest } of all) {
      const sorted = Object.entries(rest).sort(([a], [b]) => (a < b ? -1 : 1))
      const ordered = sorted.map(([key, value]) => [key, key === 'details' ? sort(value) : value])
      t.equal(hash('sha256', JSON.stringify(Object.fromEntries(ordered)), 'hex'), told)
    }
    const methods = async (...args: string[]) =>
      recordsIn((await run(['audit', 'read', '--json', ...args])).stdout).map(
        ({ method }) => method,
      )
    t.same(await methods('--session', 'blue'), ['session.create', 'session.prompt'])
    t.same(await methods('--method', 'state.'), ['state.set', 'state.set'])
    t.same(await methods('--principal', 'nobody'), [])
    t.same(await methods('--since', '1h', '--from', '2', '--method', 'state.set'), [
      'state.set',
      'state.set',
    ])
    t.same(await methods('--since', '2999-01-01'), [])
    const follow = start(['audit', 'read', '-f', '--method', 'state.', '--json'])
    await follow.says('VERSION_CONFLICT')
    await client.call('session.stop', { session: 'blue' })
    await client.call('state.delete', { key: 'color' })
    await follow.says('state.delete')
    follow.process.kill('SIGINT')
    const followed = recordsIn((await follow.result).stdout).map(({ method }) => method)
    t.same(followed, ['state.set', 'state.set', 'state.delete'])
    const sound = await run(['audit', 'verify', '--json'])
    const report = JSON.parse(sound.stdout)
    t.match(report, { intact: true, break_count: 0, first: { seq: 1 }, records: report.last.seq })
    t.equal(sound.exit, 0)
    const head = `${report.last.seq}:${report.last.hash}`
    t.match(await run(['audit', 'verify', '--expect', head]), { exit: 0, stdout: /is intact/ })
    t.match(await run(['audit', 'verify', '--from', '3', '--expect', head]), { exit: 0 })
    const other = `${report.last.seq}:${'0'.repeat(64)}`
    t.match(await run(['audit', 'verify', '--expect', other]), {
      exit: DAMAGED,
      stdout: /not expected/,
    })
    t.match(await run(['audit', 'verify', '--expect', 'x']), { exit: 2 })
    t.match(await run(['audit', 'verify', '-f']), { exit: 2, stderr: /does not belong to verify/ })
    t.match(await run(['audit', 'read', '--since', 'x']), {
      exit: 2,
      stderr: /--since takes a time/,
    })
  },
)

function sort(value: unknown): object {
  return Object.fromEntries(Object.entries(value as object).sort(([a], [b]) => (a < b ? -1 : 1)))
}
