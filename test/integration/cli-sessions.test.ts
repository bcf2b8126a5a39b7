/** The verbs against a real broker and a real host with the demo agent. */
import { join } from 'node:path'
import t from 'tap'
import { cliUser, records } from '../support/cli-user.ts'

/** One broker and one host for the whole file; the tests use sessions of their own. */
const { cluster, run, start } = await cliUser(t)

t.test('a session is spawned, prompted, listed, read, stopped and recovered', async (t) => {
  const spawned = await run(['spawn', '--backend', 'demo', '--name', 'blue', '--json'])
  t.equal(spawned.exit, 0, spawned.stderr)
  const [info] = records(spawned.stdout)
  t.match(info, { name: 'blue', backend: 'demo', status: 'idle' })

  const asked = await run(['prompt', 'blue', '@@echo(hello)'])
  t.match(asked, { exit: 0, stdout: /^hello\n── turn 1 / })
  const piped = await run(['prompt', 'blue', '-'], { input: '@@echo(from stdin)' })
  t.match(piped.stdout, /^from stdin\n/)
  t.match(await run(['ps']), { exit: 0, stdout: /blue +idle +demo/ })

  t.equal((await run(['logs', 'blue', '--raw'])).stdout, 'hello\nfrom stdin\n')
  const chunks = records(
    (await run(['logs', String(info?.['session']).slice(0, 8), '--json'])).stdout,
  )
  t.same(
    chunks.map((chunk) => chunk['seq']),
    chunks.map((_chunk, index) => index + 1),
  )
  const later = records((await run(['logs', 'blue', '--json', '--since', '3'])).stdout)
  t.equal(later[0]?.['seq'], 3)

  t.match(await run(['stop', 'blue']), { exit: 0, stdout: /blue {2}stopped/ })
  t.notMatch((await run(['ps'])).stdout, 'blue')
  t.match((await run(['ps', '--all'])).stdout, /blue +ended/)
  t.match(await run(['prompt', 'blue', 'x']), { exit: 6 })
  t.match(await run(['recover', 'blue']), { exit: 0, stdout: /blue {2}recovered/ })
  t.match(await run(['kill', 'blue', '--json']), { exit: 0, stdout: /"signal":"SIGKILL"/ })
})

t.test('a session that is only created is listed, and its first prompt starts it', async (t) => {
  const metadata = { mode: 'chat', id: 7 }
  const flags = ['--on-prompt', '--metadata', JSON.stringify(metadata), '--json']
  const spawned = await run(['spawn', '--backend', 'demo', '--name', 'later', ...flags])
  t.match(records(spawned.stdout), [{ status: 'created', host: '', pid: null, metadata }])
  t.match(await run(['ps']), { exit: 0, stdout: /later +created +demo +- +0 / })
  t.match(await run(['spawn', '--backend', 'demo', '--name', 'later']), { exit: 6 })
  t.match(await run(['interrupt', 'later']), { exit: 6, stderr: /created/ })
  t.match(await run(['prompt', 'later', '@@echo(hello)']), { stdout: /^hello\n── turn 1 / })
  const [stopped] = records((await run(['stop', 'later', '--json'])).stdout)
  t.match(stopped, { sessions: [{ status: 'ended', pid: null, last_pid: Number, metadata }] })
  await run(['spawn', '--backend', 'demo', '--name', 'never', '--on-prompt'])
  t.match(await run(['stop', 'never']), { exit: 0, stdout: /never {2}stopped/ })
  const wrong = ['spawn', '--backend', 'demo', '--metadata', '[1]']
  t.match(await run(wrong), { exit: 2, stderr: /\[1\] is not a JSON object/ })
  const both = ['spawn', '--backend', 'demo', '--on-prompt', '@@echo(at once)']
  t.match(await run(both), { exit: 0 })
})

t.test('the end of a log, chunks of one type, and the words of the old command line', async (t) => {
  const spawned = [
    'spawn',
    '-p',
    'demo',
    '--name',
    'old',
    '-t',
    '@@echo(one)@@tool(Look)@@echo(two)',
  ]
  t.match(await run(spawned), { exit: 0 })
  await run(['prompt', 'old', '@@echo(three)'])
  const chunks = async (...args: string[]) =>
    records((await run(['logs', 'old', '--format', 'json', ...args])).stdout)
  const all = await chunks()
  t.same(await chunks('--limit', '2'), all.slice(-2))
  const texts = await chunks('--event-type', 'text')
  t.same(
    texts,
    all.filter(({ type }) => type === 'text'),
  )
  t.same(await chunks('--event-type', 'text', '-l', '1'), texts.slice(-1))
  t.match(await run(['logs', 'old', '-l', '0']), { exit: 2, stderr: /--limit takes 1 to/ })
  t.match(await run(['logs', 'old', '--event-type', 'nope']), { exit: 2 })
  const follower = start(['logs', 'old', '-f', '-l', '1', '--format', 'json'])
  await follower.says('turn_complete')
  t.match(await run(['pause', '-f', 'old']), { stdout: /old {2}frozen/ })
  t.match(records((await run(['ps', '-f', 'json'])).stdout)[0], { sessions: Array })
  t.match(await run(['kill', '--force', 'old']), { exit: 0, stdout: /killed/ })
  const followed = records((await follower.result).stdout)
  t.match(followed[0], { type: 'turn_complete' }, 'what came before the last one is left out')
  t.equal(followed.at(-1)?.['type'], 'complete')
})

t.test('another program gets a token to attach with', async (t) => {
  await run(['spawn', '--backend', 'demo', '--name', 'guest'])
  const attach = ['attach', 'guest', '-c', 'claude-code']
  const env = { AGENTMQ_DIR: cluster.dir, AGENTMQ_UNIX_PATH: join(cluster.dir, 'daemon.sock') }
  t.match(await run(attach, { env }), { exit: 6, stderr: /before it is paused/ })
  await run(['pause', 'guest'])
  t.match(await run(attach, { env }), { exit: 4, stderr: /no shim listens there/ })
  await cluster.shim()
  const told = /^Attach credentials generated:\n {2}Token: \S+\n {2}Connect URL: \S+\.sock\n/
  t.match(await run(attach, { env }), { exit: 0, stdout: told })
  const [credentials] = records((await run([...attach, '--json'], { env })).stdout)
  t.match(credentials, { client_type: 'claude-code', token: String, expires_at: Number })
})

t.test('output is looked through line by line', async (t) => {
  await run(['spawn', '--backend', 'demo', '--name', 'searched', '@@count(3000)'])
  await run(['prompt', 'searched', '@@tool(Look)'])
  const found = await run(['output', 'searched', '--grep', '\\b299[89] ', '--stream', 'stdout'])
  t.match(found, { exit: 0, stdout: /^1 2 3 .* 2998 2999 / })
  const first = await run(['output', 'searched', '--stream', 'tool', '--limit', '1', '--json'])
  t.match(records(first.stdout), [{ stream: 'tool', turn: 2 }])
  t.match(await run(['output', 'searched', '--grep', '(']), { exit: 2, stderr: /pattern/ })
  await run(['kill', 'searched'])
})

t.test('sessions are renamed, and removed once they have ended', async (t) => {
  await run(['spawn', '--backend', 'demo', '--name', 'first'])
  t.match(await run(['rename', 'first', 'second']), { exit: 0, stdout: /renamed to second/ })
  t.match(await run(['remove', 'second']), { exit: 6, stderr: /cannot be removed before/ })
  t.match(await run(['remove']), { exit: 2, stderr: /name sessions, or say --all-ended/ })
  t.match(await run(['remove', 'second', '--all-ended']), { exit: 2 })
  const follower = start(['logs', 'second', '-f'])
  await run(['stop', 'second'])
  await follower.result
  t.match(await run(['remove', 'second']), { exit: 0, stdout: 'second  removed\n' })
  t.match(await run(['logs', 'second']), { exit: 3 })
  await run(['spawn', '--backend', 'demo', '--name', 'second'])
  await run(['kill', 'second'])
  const [removed] = records((await run(['remove', '--all-ended', '--json'])).stdout)
  t.match(removed, { sessions: [{ name: 'second' }] })
  t.notMatch((await run(['ps', '--all'])).stdout, 'second')
  t.match(await run(['remove', '--all-ended']), { exit: 0, stderr: /no session has ended/ })
})

t.test('what is not there has its exit code', async (t) => {
  for (const args of [
    ['logs', 'nope'],
    ['prompt', 'nope', 'x'],
    ['attach', 'nope'],
  ]) {
    t.match(await run(args), { exit: 3, stderr: /there is no session nope/ }, args.join(' '))
  }
  const claude = await run(['chat', '--backend', 'no-such-backend', 'hi'])
  t.match(claude, { exit: 4, stdout: '', stderr: /no connected host offers/ })
  const two = await run(['stop', 'nope', 'neither', '--json'])
  t.match(two, { exit: 3, stdout: '{"sessions":[]}\n' })
  t.same(
    records(two.stderr).map(({ error }) => (error as { code: string }).code),
    ['NO_SUCH_SESSION', 'NO_SUCH_SESSION'],
  )
  t.match(await run(['chat', '--host', 'nowhere', '--backend', 'demo']), { exit: 3 })
})

t.test('hosts shows what can be used, and why something cannot', async (t) => {
  const { stdout } = await run(['hosts'])
  t.match(
    stdout,
    /^HOST +NAME +STATUS +SLOTS +HEARD +LOOP LAG +PROCESSES +PROGRESS +LABELS +BACKENDS\n/,
  )
  t.match(stdout, /online .*demo/)
  t.match((await run(['hosts', '--backends'])).stdout, /demo +yes/)
})

t.test('a reader that goes away ends logs quietly', async (t) => {
  await run(['spawn', '--backend', 'demo', '--name', 'long'])
  await run(['prompt', 'long', '@@huge(1000000)']) // more than a pipe holds
  const logs = start(['logs', 'long', '--json'])
  logs.process.stdout?.once('data', () => logs.process.stdout?.destroy())
  t.match(await logs.result, { exit: 0, stderr: '' })
})

t.test('Ctrl-C in prompt ends the turn and gives 130; the session lives on', async (t) => {
  await run(['spawn', '--backend', 'demo', '--name', 'hung'])
  const prompt = start(['prompt', 'hung', '@@echo(here)@@hang'])
  await prompt.says('here')
  prompt.process.kill('SIGINT')
  t.match(await prompt.result, { exit: 130, stdout: /turn 1 .*interrupted/ })
  t.match((await run(['ps'])).stdout, /hung +idle/)
})

t.test('--no-wait returns at once, and interrupt ends the turn from elsewhere', async (t) => {
  await run(['spawn', '--backend', 'demo', '--name', 'bg'])
  t.match(await run(['prompt', 'bg', '--no-wait', '@@hang']), { exit: 0, stdout: 'turn 1\n' })
  t.match(await run(['prompt', 'bg', '--when-busy', 'reject', 'x']), { exit: 6 })
  t.match(await run(['interrupt', 'bg']), { exit: 0, stdout: /interrupted turn 1/ })
})

t.test('a host is drained, emptied and given back', async (t) => {
  await run(['spawn', '--backend', 'demo', '--name', 'drained'])
  const [host] = (records((await run(['hosts', '--json'])).stdout)[0]?.['hosts'] ?? []) as {
    name: string
  }[]
  const name = String(host?.name)
  t.match(await run(['drain', name, '--stop']), { exit: 0, stdout: /no new session; 0 left/ })
  t.match((await run(['ps', '--all'])).stdout, /drained +ended/)
  t.match(await run(['spawn', '--backend', 'demo']), { exit: 4, stderr: /being drained/ })
  t.match((await run(['hosts'])).stdout, /online \(draining\)/)
  t.match(await run(['undrain', name]), { exit: 0, stdout: /takes sessions again/ })
  t.match(await run(['spawn', '--backend', 'demo', '--name', 'after']), { exit: 0 })
  await run(['kill', 'after'])
})

t.test('a batch reaches all sessions, and its exit code tells of failures', async (t) => {
  for (const name of ['one', 'two']) await run(['spawn', '--backend', 'demo', '--name', name])
  const asked = await run(['batch', 'prompt', 'one', 'two', '--text', '@@echo(together)'])
  t.match(asked, { exit: 0, stdout: 'one  done\ntwo  done\n' })
  t.match(await run(['logs', 'two', '--raw']), { stdout: 'together\n' })
  const mixed = await run(['batch', 'pause', 'one', 'nobody', 'two', '--fail-fast'])
  t.match(mixed, { exit: 1, stdout: /^one {2}done\nnobody {2}failed: .*\ntwo {2}skipped\n$/ })
  t.match(await run(['batch', 'signal', 'one', '--signal', 'SIGKILL']), { exit: 2 })
  t.match(await run(['batch', 'kill']), { exit: 2, stderr: /--all/ })
  t.match(await run(['batch', 'kill', '--all']), { exit: 0 })
  t.match((await run(['ps', '--json'])).stdout, /"sessions":\[\]/)
  t.match(await run(['batch', 'kill', '--all']), { exit: 0, stderr: /no session fits/ })
})
