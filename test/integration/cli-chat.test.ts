/** `chat` and `attach` over a pipe, against a real broker and a real host with the demo agent. */
import t from 'tap'
import { runCli } from '../support/cli.ts'
import { cliUser, records } from '../support/cli-user.ts'
import { Cluster } from '../support/cluster.ts'

/** One broker and one host for the whole file; the tests use sessions of their own. */
const { run, start } = await cliUser(t)

t.test('a chat over a pipe runs each line, ends with the input and leaves nothing', async (t) => {
  const input = '@@echo(one)\n\n@@tool(Look)\n'
  const chat = await run(['chat', '--backend', 'demo', '--name', 'piped'], { input })
  t.equal(chat.exit, 0, chat.stderr)
  t.match(
    chat.stdout,
    /^› @@echo\(one\)\none\n── turn 1 [\s\S]*› @@tool[\s\S]*⚙ Look [\s\S]*── turn 2 /,
  )
  t.notMatch((await run(['ps'])).stdout, 'piped')
  const failing = await run(['chat', '--backend', 'demo'], { input: '@@error(500)\n@@echo(on)\n' })
  t.match(failing, { exit: 1, stdout: /\non\n/ }, 'the next line is asked all the same')
})

t.test('a chat takes the demo agent when there is no claude, and says so', async (t) => {
  const cluster = await Cluster.make(t)
  await cluster.broker()
  await cluster.host({ args: ['--claude-command', 'no-such-claude'] })
  const env = { AGENTMQ_DIR: cluster.dir }
  const chat = await runCli(t, cluster.workspace, ['chat', '@@echo(hi)'], { env })
  t.match(chat, { exit: 0, stderr: /using the demo agent, because claude is not available/ })
})

t.test('a chat comes back to a session that has ended', async (t) => {
  await run(['chat', '--backend', 'demo', '--name', 'kept', '--keep', '@@echo(one)'])
  t.match((await run(['ps'])).stdout, /kept +idle/)
  await run(['stop', 'kept'])
  const back = await run(['chat', '--session', 'kept', '@@recall'])
  t.match(back, { exit: 0, stderr: /had ended and is recovered/, stdout: /remember 1 earlier/ })
})

t.test('a chat whose agent crashes ends with 1', async (t) => {
  const chat = await run(['chat', '--backend', 'demo', '--json'], {
    input: '@@crash(3)\n@@echo(x)\n',
  })
  t.equal(chat.exit, 1)
  t.match(records(chat.stdout).at(-1), { type: 'complete', exit_code: 3 })
})

t.test('Ctrl-C in a chat interrupts, and once more leaves the session alive', async (t) => {
  const chat = start(['chat', '--backend', 'demo', '--name', 'open'], { input: null })
  chat.process.stdin?.write('@@echo(here)@@hang\n')
  await chat.says('here')
  chat.process.kill('SIGINT')
  await chat.says('── turn 1')
  chat.process.kill('SIGINT')
  t.match(await chat.result, { stderr: /lives on; come back with: agentmq chat --session open/ })
  t.match((await run(['ps'])).stdout, /open +idle/)
})

t.test('attach shows what was said, follows, and its lines are prompts', async (t) => {
  await run(['spawn', '--backend', 'demo', '--name', 'shared'])
  await run(['prompt', 'shared', '@@echo(before)'])
  const attached = start(['attach', 'shared'], { input: null })
  await attached.says('before')
  await run(['prompt', 'shared', '@@echo(by another)'])
  await attached.says('by another')
  attached.process.stdin?.end('@@echo(by me)\n')
  t.match(await attached.result, { exit: 0, stdout: /by me\n── turn 3/ })
})
