/** The compiled command without a broker: help, wrong usage, wrong config, nobody there. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { runCli, shortDir } from '../support/cli.ts'

t.test('--help lists the commands and is cheap', async (t) => {
  const { exit, stdout, stderr } = await runCli(t, shortDir(t), ['--help'])
  t.same([exit, stderr], [0, ''])
  for (const name of ['up', 'chat', 'logs', 'hosts']) t.match(stdout, `agentmq ${name}`)
  t.comment(`CPU of agentmq --help: ${await cpuOfHelp()} s`)
})

/** As the shell measures it; no condition, because machines differ. */
async function cpuOfHelp(): Promise<string> {
  const entry = fileURLToPath(new URL('../../clients/cli/main.js', import.meta.url))
  const script = `TIMEFORMAT='%U %S'; time "${process.execPath}" "${entry}" --help > /dev/null`
  const shell = spawn('bash', ['-c', script], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  shell.stderr.on('data', (data: Buffer) => {
    said += data.toString()
  })
  await once(shell, 'close')
  return said.trim().replace(' ', ' + ')
}

t.test('--version prints the version alone', async (t) => {
  const { exit, stdout } = await runCli(t, shortDir(t), ['--version'])
  t.equal(exit, 0)
  t.match(stdout, /^\d+\.\d+\.\d+\n$/)
})

t.test('without a command it shows the help, which is no success', async (t) => {
  const { exit, stdout } = await runCli(t, shortDir(t), [])
  t.equal(exit, 2)
  t.match(stdout, 'Commands:')
})

t.test('a wrong flag is one line and exit code 2', async (t) => {
  const { exit, stdout, stderr } = await runCli(t, shortDir(t), ['logs', 'x', '--sinc', '4'])
  t.same([exit, stdout], [2, ''])
  t.equal(stderr, 'agentmq: unknown flag --sinc; did you mean --since?\n')
})

t.test('with --json a wrong flag is one JSON line', async (t) => {
  const { exit, stderr } = await runCli(t, shortDir(t), ['ps', '--json', '--al'])
  t.equal(exit, 2)
  t.equal(stderr.split('\n').length, 2)
  t.match(JSON.parse(stderr), { error: { code: 'USAGE', exit_code: 2, message: /--all/ } })
})

t.test('an unknown key of the config file is named, with the nearest one', async (t) => {
  const dir = shortDir(t, { 'c.json': '{ "client": { "endpont": "ipc:///x" } }' })
  const { exit, stderr } = await runCli(t, dir, ['ps', '--config', 'c.json'])
  t.equal(exit, 2)
  t.match(stderr, /^agentmq: .*c\.json.*unknown key endpont; did you mean endpoint\?\n {2}→ /)
})

t.test('a config file that is not there, or not JSON, is said so', async (t) => {
  const dir = shortDir(t, { 'bad.json': '{' })
  const missing = await runCli(t, dir, ['ps', '--config', 'none.json'])
  t.match(missing, { exit: 2, stderr: /none\.json: there is no such file/ })
  const bad = await runCli(t, dir, ['ps'], { env: { AGENTMQ_CONFIG: 'bad.json' } })
  t.match(bad, { exit: 2, stderr: /bad\.json: is not JSON/ })
})

t.test('no broker is exit code 4, with what to do', async (t) => {
  const dir = shortDir(t)
  const { exit, stdout, stderr } = await runCli(t, dir, ['ps', '--dir', dir])
  t.same([exit, stdout], [4, ''])
  t.match(stderr, /^agentmq: no broker answers at ipc:.*\n {2}→ Start one with `agentmq up`/)
  t.notMatch(stderr, /at .*\.[jt]s:/, 'no stack')
})

t.test('--debug shows the stack', async (t) => {
  const dir = shortDir(t)
  const { stderr } = await runCli(t, dir, ['ps', '--dir', dir, '--debug'])
  t.match(stderr, /ProtocolError: no broker[\s\S]*at /)
})

t.test('broker --help is the help of the broker itself', async (t) => {
  const { exit, stdout } = await runCli(t, shortDir(t), ['broker', '--help'])
  t.equal(exit, 0)
  t.match(stdout, '--journal-dir')
})

t.test('a wrong flag of a part is exit code 2 as well', async (t) => {
  const { exit, stderr } = await runCli(t, shortDir(t), ['broker', '--journal-dri', 'x'])
  t.equal(exit, 2)
  t.match(stderr, 'journal-dri')
})
