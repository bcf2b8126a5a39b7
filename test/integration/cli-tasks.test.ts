/** Tasks, the state and events on the command line, with a real broker. */
import t from 'tap'
import { type CliOptions, runCli, startCli } from '../support/cli.ts'
import { records } from '../support/cli-user.ts'
import { Cluster } from '../support/cluster.ts'

const { cluster, broker } = await Cluster.start(t)
const env = { AGENTMQ_DIR: cluster.dir }
const run = (args: readonly string[], options?: CliOptions) =>
  runCli(t, cluster.workspace, args, { env, ...options })

t.test('a task is added, listed, shown, changed, approved, rejected and removed', async (t) => {
  const added = await run([
    'tasks',
    'add',
    'Paint',
    'it',
    '--assigned-to',
    'anna',
    '--priority',
    '3',
  ])
  t.equal(added.exit, 0, added.stderr)
  const [task = ''] = added.stdout.split(' ')
  const short = task.slice(0, 8)
  const more = ['--metadata', '{"color":"blue"}', '--description', 'All of\nit']
  t.match(await run(['tasks', 'update', short, '--status', 'blocked', ...more]), { exit: 0 })
  t.match(
    (await run(['tasks', 'list'])).stdout,
    new RegExp(`${short} +blocked +3 +anna .*Paint it`),
  )
  t.notMatch((await run(['tasks', 'list', '--status', 'todo', '--status', 'done'])).stdout, short)
  t.match((await run(['tasks', 'list', '--assigned-to', 'anna'])).stdout, short)
  const shown = (await run(['tasks', 'show', short])).stdout
  t.match(shown, /status +blocked\n/)
  t.match(shown, /metadata +\{"color":"blue"\}\n\nAll of\nit\n$/)
  t.match(await run(['tasks', 'approve', short]), { exit: 0, stdout: `${task}  approved\n` })
  const rejected = await run(['tasks', 'reject', short, '--json'])
  t.match(records(rejected.stdout), [{ tasks: [{ task, status: 'blocked', version: 4 }] }])
  const stale = await run(['tasks', 'update', short, '--title', 'x', '--if-version', '3'])
  t.match(stale, { exit: 6, stderr: /has version 4, not 3/ })
  t.match(await run(['tasks', 'rm', short, 'nobody']), { exit: 3, stdout: `${task}  removed\n` })
  t.match(await run(['tasks', 'show', task]), { exit: 3 })
  t.match(records((await run(['tasks', 'list', '--json'])).stdout), [{ tasks: [], total: 0 }])
})

t.test('flags that a verb has no use for are wrong usage', async (t) => {
  const wrong: readonly (readonly [string[], RegExp])[] = [
    [['tasks', 'add'], /needs a title/],
    [['tasks', 'list', 'x'], /takes no task/],
    [['tasks', 'show', 'x', '--priority', '2'], /--priority does not go with/],
    [['tasks', 'update', 'x', '--status', 'done', '--status', 'todo'], /one status/],
    [['tasks', 'add', 'x', '--metadata', '[1]'], /not a JSON object/],
    [['tasks', 'paint'], /verb/],
    [['state', 'get'], /needs a key/],
    [['state', 'set', 'k'], /needs a value/],
    [['state', 'set', 'k', 'blue'], /blue is not JSON; for a text as it is, say --text/],
    [['state', 'delete', 'k', 'l'], /unknown argument l/],
    [['events', '--since', '0'], /counts from 1/],
  ]
  for (const [args, stderr] of wrong) t.match(await run(args), { exit: 2, stderr }, args.join(' '))
})

t.test('a key is set, read, listed and deleted, if its version fits', async (t) => {
  t.match(await run(['state', 'set', 'a/1', '{"ok":true}']), {
    exit: 0,
    stdout: 'a/1  version 1\n',
  })
  t.match(await run(['state', 'set', 'a/2', 'two words', '--text', '--if-version', '0']), {
    exit: 0,
  })
  t.match(await run(['state', 'set', 'a/1', '-'], { input: '[1, 2]' }), { exit: 0 })
  t.match(await run(['state', 'get', 'a/1']), { stdout: '[1,2]\n' })
  t.match(await run(['state', 'get', 'a/2', '--text']), { stdout: 'two words\n' })
  const [entry] = records((await run(['state', 'get', 'a/2', '--json'])).stdout)
  t.match(entry, { key: 'a/2', value: 'two words', version: 1 })
  t.match((await run(['state', 'list', 'a/', '--values'])).stdout, /a\/1 +2 .*\[1,2\]\na\/2 +1 /)
  t.match(records((await run(['state', 'list', 'a/', '--json'])).stdout), [
    { key: 'a/1' },
    { key: 'a/2' },
  ])
  const stale = await run(['state', 'set', 'a/1', '3', '--if-version', '1'])
  t.match(stale, { exit: 6, stderr: /a\/1 has version 2, not 1/ })
  t.match(await run(['state', 'delete', 'a/1', '--if-version', '2']), { stdout: 'a/1  deleted\n' })
  t.match(await run(['state', 'delete', 'a/1']), { exit: 0, stdout: 'a/1  was not there\n' })
  t.match(await run(['state', 'get', 'a/1']), { exit: 3 })
})

t.test('events are followed as they come, over a kill of the broker', async (t) => {
  const args = ['events', '--since', '1', '--topic', 'task', '--topic', 'system']
  const following = startCli(t, cluster.workspace, args, { env })
  await following.says('epoch=1')
  await run(['state', 'set', 'unwanted', '1'])
  await cluster.signal(broker, 'SIGKILL')
  await cluster.broker()
  await following.says('epoch=2')
  await run(['tasks', 'add', 'seen'])
  await following.says('title=seen')
  following.process.kill('SIGINT')
  const { exit, stdout } = await following.result
  t.equal(exit, 130)
  t.match(stdout, / {2}system started {2}.* epoch=2 /)
  t.match(stdout, /^\d+ {2}\S+Z {2}task created {2}[0-9a-f]{8} {2}title=seen status=todo/m)
  t.notMatch(stdout, 'unwanted')

  const all = records((await run(['events', '--once', '--json'])).stdout)
  t.same(
    all.map(({ seq }) => seq),
    all.map((_, index) => index + 1),
  )
  t.match(all[0], { topic: 'system', event: 'started', data: { epoch: 1 } })
  const [last] = records(
    (await run(['events', '--once', '--json', '--since', `${all.length}`])).stdout,
  )
  t.same(last, all.at(-1))
})
