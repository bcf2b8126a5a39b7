/** Keys and contexts as people use them: the compiled command on two "machines", which share the loopback. */
import { existsSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { DoorInfo } from '../../protocol/methods/key.ts'
import { type CliOptions, runCli, shortDir, startCli } from '../support/cli.ts'
import { type CliUser, cliUserOf } from '../support/cli-user.ts'
import { Cluster } from '../support/cluster.ts'
import { doorOf, LISTEN } from '../support/remote-peers.ts'

interface Stage {
  /** At the machine of the broker. */
  readonly here: CliUser
  /** At another one, with a home of its own. */
  readonly there: Omit<CliUser, 'cluster'>
  readonly door: DoorInfo
}

async function stage(t: Test): Promise<Stage> {
  const cluster = await Cluster.make(t)
  const door = doorOf(await cluster.broker({ args: [...LISTEN] }))
  const home = shortDir(t)
  const there = {
    run: (args: readonly string[], options?: CliOptions) => runCli(t, home, args, options),
    start: (args: readonly string[], options?: CliOptions) => startCli(t, home, args, options),
  }
  return { here: cliUserOf(t, cluster), there, door }
}

const json = (text: string) => JSON.parse(text) as Record<string, unknown>

t.test(
  'a client joins with the line that the tool prints, and leaves when it is revoked',
  async (t) => {
    const { here, there } = await stage(t)
    await here.cluster.host()
    const exported = json((await here.run(['keys', 'export-context', 'lab', '--json'])).stdout)
    const added = await there.run(wordsOf(String(exported['client'])))
    t.match(added, {
      exit: 0,
      stdout: /^context lab is in .*config\.json\nown key [0-9a-f-]{23}\n/,
    })
    const approve = /agentmq (keys approve [0-9a-f-]+ --as) NAME/.exec(added.stderr)?.[1] ?? ''
    t.match(added.stderr, /is not approved at tcp:/, 'it says so at once')

    const pending = await here.run(['keys', 'pending'])
    t.match(pending.stdout, /FINGERPRINT +ADDRESS/)
    t.match(pending.stdout, `agentmq ${approve} NAME --role host`, 'the same line, ready to copy')
    const approved = await here.run([...approve.split(' '), 'anna', '--role', 'operator'])
    t.match(approved, { exit: 0, stdout: /^anna {2}operator {2}[0-9a-f-]{23}\n/ })

    const ps = await there.run(['ps', '--context', 'lab'])
    t.match(ps, { exit: 0, stderr: /no live session/ })
    t.match(await there.run(['context', 'use', 'lab']), { exit: 0 })
    const spawned = await there.run([
      'spawn',
      '--backend',
      'demo',
      '--name',
      'blue',
      '@@echo(hello)',
    ])
    t.match(spawned, { exit: 0 }, 'its own directory is not asked of the other machine')
    const follower = there.start(['logs', 'blue', '-f'])
    await follower.says('hello')

    const revoked = await here.run(['keys', 'revoke', 'anna'])
    t.match(revoked, { exit: 0, stdout: /^anna {2}1 key revoked, [12] connections? ended\n/ })
    t.match(await follower.result, { exit: 7, stderr: /was revoked\n {2}→ It stays so/ })
    t.match(await there.run(['ps']), { exit: 7, stderr: /was revoked/ })
    t.match(await here.run(['ps']), { exit: 0, stdout: /blue/ }, 'this machine needs no key')
  },
)

/** As a shell would split it; the lines hold no other quotes than those around keys. */
function wordsOf(line: string): string[] {
  const [, ...words] = [...line.matchAll(/(?:[^\s']+|'[^']*')+/g)].map(([word]) =>
    word.replaceAll("'", ''),
  )
  return words
}

t.test(
  'a key is added by what the other machine exports, and its rights can be changed',
  async (t) => {
    const { here, there, door } = await stage(t)
    const place = ['--endpoint', door.endpoint, `--broker-key=${door.key}`]
    const shown = json((await there.run(['keys', 'show', '--json'])).stdout)
    const raw = await there.run(['keys', 'show', '--raw'])
    t.equal(raw.stdout, `${String(shown['key'])}\n`)
    t.equal(statSync(String(shown['key_file'])).mode & 0o777, 0o600)
    const add = await here.run(
      ['keys', 'add', 'olga', '--from', '-', '--role', 'observer', '--json'],
      {
        input: raw.stdout,
      },
    )
    t.match(json(add.stdout), { principal: 'olga', roles: ['observer'], reach: 'all' })
    t.match(await there.run(['ps', ...place]), { exit: 0 })
    t.match(await there.run(['stop', 'blue', ...place]), {
      exit: 7,
      stderr: /olga lacks the scope/,
    })
    const again = await here.run(['keys', 'add', 'olga', '--role', 'operator', '--reach', 'own'])
    t.match(again.stdout, /^olga {2}operator, its own sessions only {2}/)
    t.match(await there.run(['stop', 'blue', ...place]), { exit: 3 }, 'it may, but there is none')
    const listed = await here.run(['keys', 'list'])
    t.match(listed.stdout, `fingerprint  ${door.fingerprint}`)
    t.match(listed.stdout, /olga +operator +own +\d/)
    const all = json((await here.run(['keys', 'list', '--json'])).stdout)
    t.match(all, { door: { key: door.key }, principals: [{ principal: 'olga' }] })
    t.match(await here.run(['keys', 'revoke', 'nobody']), { exit: 3 })
  },
)

t.test('the wrong key of the broker is named, and so is no key at all', async (t) => {
  const { there, door } = await stage(t)
  const [wrong] = [(await there.run(['keys', 'show', '--raw', '--host', 'x'])).stdout.trim()]
  const misled = await there.run(['ps', '--endpoint', door.endpoint, `--broker-key=${wrong}`])
  t.match(misled, { exit: 7, stderr: /does not have the key that is expected of it/ })
  t.match(await there.run(['ps', '--endpoint', door.endpoint]), {
    exit: 2,
    stderr: /takes only those who have keys\n {2}→ .*--broker-key/,
  })
})

t.test('a change of the key of the broker says who does not know it yet', async (t) => {
  const { here, there, door } = await stage(t)
  const place = ['--endpoint', door.endpoint, `--broker-key=${door.key}`]
  const key = (await there.run(['keys', 'show', '--raw'])).stdout.trim()
  await here.run(['keys', 'add', 'anna', `--key=${key}`, '--role', 'operator'])
  t.match(await here.run(['keys', 'rotate', 'begin']), {
    exit: 0,
    stdout: /NOT TOLD YET +KEY\nanna /,
  })
  const early = await here.run(['keys', 'rotate', 'finish'])
  t.match(early, { exit: 6, stderr: /not everybody knows the next key: anna; --yes/ })
  await there.run(['ps', ...place])
  t.match(json((await here.run(['keys', 'rotate', '--json'])).stdout), { waiting: [] })
  t.match(await here.run(['keys', 'rotate', 'finish']), { exit: 0 })
  t.match(await there.run(['ps', ...place]), { exit: 0 }, 'it was told, and remembers')
  t.match(await here.run(['keys', 'rotate', 'abandon']), { exit: 6, stderr: /no next key/ })
})

t.test('keys init makes the key before there is a broker, and says how to go on', async (t) => {
  const dir = shortDir(t)
  const made = await runCli(t, dir, ['keys', 'init', '--dir', dir])
  t.match(made, { exit: 0, stdout: /^made the key of the broker\n/, stderr: /agentmq up --listen/ })
  const [, fingerprint] = /fingerprint +([0-9a-f-]{23})/.exec(made.stdout) ?? []
  const path = join(dir, 'keys', 'broker.key')
  t.match(made.stdout, `file         ${path}\n`)
  t.notMatch(made.stdout, /secret/)
  t.equal(statSync(path).mode & 0o777, 0o600)
  const again = json((await runCli(t, dir, ['keys', 'init', '--dir', dir, '--json'])).stdout)
  t.match(again, { fingerprint, made: false })
  writeFileSync(
    join(dir, 'c.json'),
    '{"broker":{"broker_key_file":"other.key","heartbeat_ms":5000}}',
  )
  await runCli(t, dir, ['keys', 'init', '--config', 'c.json'])
  t.ok(existsSync(join(dir, 'other.key')), 'where the section of the broker says')
})

t.test('a broker without a network says so, where keys would be of no use', async (t) => {
  const cluster = await Cluster.make(t)
  await cluster.broker()
  const here = cliUserOf(t, cluster)
  t.match(await here.run(['keys', 'export-context']), { exit: 2, stderr: /--listen tcp:/ })
  t.match(await here.run(['keys', 'rotate', 'begin']), { exit: 6, stderr: /listens to no network/ })
  t.match(await here.run(['keys', 'list']), { exit: 0, stdout: /network +none/ })
  t.match(await here.run(['keys', 'pending']), { exit: 0, stderr: /no key knocks/ })
})

t.test('contexts are listed, shown, used and removed', async (t) => {
  const dir = shortDir(t)
  const run = (...args: string[]) => runCli(t, dir, args)
  const server = 'tcp://127.0.0.1:1'
  const key = (await run('keys', 'show', '--raw', '--host', 'any')).stdout.trim()
  const add = ['context', 'add', 'lab', '--server', server, `--key=${key}`, '--no-check']
  t.match(await run(...add), { exit: 0, stdout: /context lab is in/ })
  t.match(await run(...add), { exit: 0 }, 'the same once more is no other')
  t.match(await run('context', 'add', 'lab', '--dir', dir, '--no-check'), {
    exit: 2,
    stderr: /another one; --force replaces it/,
  })
  await run('context', 'add', 'here', '--dir', '.', '--no-check')
  t.match(json((await run('context', 'list', '--json')).stdout), {
    current: null,
    contexts: [
      { name: 'lab', current: false, endpoint: server, broker_key: key },
      { name: 'here', dir },
    ],
  })
  t.match(await run('context', 'use', 'labb'), { exit: 2, stderr: /did you mean lab\?/ })
  t.match(await run('context', 'use', 'lab'), { exit: 0, stdout: 'commands talk to lab\n' })
  t.match(await run('context', 'list'), { stdout: /lab +yes +tcp:/ })
  t.match(await run('context', 'show'), { stdout: /^context +lab \(used\)/ })
  t.match(await run('ps'), { exit: 4, stderr: /tcp:\/\/127\.0\.0\.1:1/ })
  t.match(await run('context', 'remove', 'lab'), { exit: 0, stderr: /it was the usual one/ })
  t.match(await run('ps'), { exit: 4, stderr: /no socket file/ }, 'this machine again')
})

t.test('up listens when asked, and prints what another machine runs', async (t) => {
  const dir = shortDir(t)
  const listen = ['--listen', 'tcp://127.0.0.1:*', '--advertise', 'tcp://lab.example:19700']
  const up = startCli(t, dir, ['up', '--dir', dir, '--no-shim', ...listen], { input: null })
  await up.says('Ctrl-C stops everything')
  up.process.kill('SIGINT')
  const { exit, stdout } = await up.result
  t.equal(exit, 0)
  t.match(stdout, /network +tcp:\/\/127\.0\.0\.1:\d+, fingerprint [0-9a-f-]{23}/)
  t.match(stdout, /join +agentmq host --endpoint tcp:\/\/lab\.example:19700 --broker-key[ =]/)
})
