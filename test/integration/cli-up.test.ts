/** `agentmq up`: one command for a machine, and nothing left behind however it ends. */
import { once } from 'node:events'
import { readdirSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { ownDoors } from '../../clients/cli/demo/own-doors.ts'
import { type CliRun, runCli, shortDir, startCli, startProgram } from '../support/cli.ts'

interface Up {
  readonly run: CliRun
  readonly dir: string
  /** Pids by part, of the parts that run now. */
  readonly pids: () => Promise<{ readonly broker: number; readonly host: number }>
  readonly cli: (...args: string[]) => ReturnType<typeof runCli>
}

async function up(t: Test, more: Readonly<Record<string, string>> = {}): Promise<Up> {
  const dir = shortDir(t)
  const env = { ...ownDoors(dir), ...more }
  const run = startCli(t, dir, ['up', '--dir', dir, '--json'], { input: null, env })
  await run.says('"event":"up"')
  const cli = (...args: string[]) => runCli(t, dir, [...args, '--dir', dir])
  const pids = async () => {
    const { hosts } = JSON.parse((await cli('hosts', '--json')).stdout) as {
      hosts: { pid: number }[]
    }
    const again = await cli('up')
    return { broker: Number(/pid (\d+)/.exec(again.stderr)?.[1]), host: hosts[0]?.pid ?? 0 }
  }
  return { run, dir, pids, cli }
}

/** Resolves when no process has this pid any more; nobody tells of the end of another's child. */
async function gone(pid: number): Promise<void> {
  for (;;) {
    try {
      process.kill(pid, 0)
    } catch {
      return
    }
    await delay(10)
  }
}

t.test('up runs a session, refuses a second one, and ends in order on Ctrl-C', async (t) => {
  const { run, cli, pids } = await up(t)
  t.match(await cli('chat', '--backend', 'demo', '@@echo(hi)'), { exit: 0, stdout: /hi/ })
  t.match(await cli('up'), { exit: 5, stderr: /in use by a running broker \(pid \d+\)/ })
  const { broker, host } = await pids()
  run.process.kill('SIGINT')
  const { exit, stdout } = await run.result
  t.equal(exit, 0)
  t.match(
    stdout,
    /"stopping","part":"shim"[\s\S]*"stopped","part":"shim"[\s\S]*"stopping","part":"host"[\s\S]*"stopped","part":"host"[\s\S]*"stopped","part":"broker"/,
  )
  await Promise.all([gone(broker), gone(host)])
})

t.test('up starts a part again that was killed, and says so', async (t) => {
  const { run, cli, pids } = await up(t)
  const { host } = await pids()
  process.kill(host, 'SIGKILL')
  await run.says('"event":"died","part":"host","how":"SIGKILL"')
  await run.says(`"part":"host"`)
  const chat = await chatWhenBack(cli)
  t.match(chat, { exit: 0, stdout: /hi/ })
  run.process.kill('SIGTERM')
  t.match(await run.result, { exit: 0 })
})

/** The host needs a moment; NO_HOST says exactly that. */
async function chatWhenBack(cli: Up['cli']): ReturnType<Up['cli']> {
  for (;;) {
    const chat = await cli('chat', '--backend', 'demo', '@@echo(hi)')
    if (chat.exit !== 4) return chat
  }
}

t.test('broker and host end when up itself is killed', async (t) => {
  const { run, pids } = await up(t)
  const { broker, host } = await pids()
  run.process.kill('SIGKILL')
  await Promise.all([gone(broker), gone(host)])
})

t.test('a door whose port is taken is told in a line, and all else goes on', async (t) => {
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  t.teardown(() => taken.close())
  const { port } = taken.address() as AddressInfo
  const { run, cli } = await up(t, { AGENTMQ_HTTP_PORT: String(port) })
  await run.says(`"line":"agentmq shim: door http: http://127.0.0.1:${port} is in use`)
  t.match(await cli('chat', '--backend', 'demo', '@@echo(hi)'), { exit: 0, stdout: /hi/ })
  run.process.kill('SIGTERM')
  t.match(await run.result, { exit: 0 })
})

t.test('--no-shim opens no door', async (t) => {
  const dir = shortDir(t)
  const run = startCli(t, dir, ['up', '--dir', dir, '--json', '--no-shim'], { input: null })
  await run.says('"event":"up"')
  run.process.kill('SIGTERM')
  const { exit, stdout } = await run.result
  t.equal(exit, 0)
  t.notMatch(stdout, 'shim')
})

t.test('up says why a part does not start, and ends with its code', async (t) => {
  const dir = shortDir(t, { 'c.json': '{ "host": { "slotz": 3 } }' })
  const failed = await runCli(t, dir, ['up', '--dir', dir, '--config', 'c.json'])
  t.match(failed, { exit: 2, stdout: /unknown key slotz; did you mean slots/ })
  t.match(failed.stdout, /broker +stopped/)
})

t.test('the demo shows two turns and leaves nothing behind', async (t) => {
  const temporary = shortDir(t)
  const { exit, stdout, stderr } = await runDemo(t, temporary)
  t.equal(exit, 0, stderr)
  t.match(
    stdout,
    /› Hello![\s\S]*✻ [\s\S]*⚙ [\s\S]*── turn 1 [\s\S]*── turn 2 [\s\S]*agents over HTTP: first \(stopped\)[\s\S]*✓ usable after/,
  )
  t.same(readdirSync(temporary), [])
})

t.test('a demo that cannot start says why and ends with 1', async (t) => {
  const dir = shortDir(t, { 'c.json': '{ "broker": { "heartbeatms": 1 } }' })
  const env = { AGENTMQ_CONFIG: join(dir, 'c.json') }
  const { exit, stdout } = await runDemo(t, dir, env)
  t.equal(exit, 1)
  t.match(stdout, 'unknown key heartbeatms')
})

/** With a temporary directory of its own, so that what is left in it can be seen. */
function runDemo(t: Test, temporary: string, env: Readonly<Record<string, string>> = {}) {
  const entry = fileURLToPath(new URL('../../clients/cli/demo.js', import.meta.url))
  return startProgram(t, temporary, [entry], { env: { TMPDIR: temporary, ...env } }).result
}
