/** `descartes-daemon` as the programs use it that start it by themselves: by its flags, and by GET /health. */
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import { ownDoors } from '../../clients/cli/demo/own-doors.ts'
import { type CliRun, runCli, shortDir, startCli, startProgram } from '../support/cli.ts'

const ENTRY = fileURLToPath(new URL('../../clients/cli/descartes-daemon.js', import.meta.url))

function daemon(t: Test, home: string, args: readonly string[], env = {}): CliRun {
  return startProgram(t, home, [ENTRY, ...args], {
    input: null,
    env: { ...ownDoors(home), AGENTMQ_DIR: home, ...env },
  })
}

/** A port that somebody had a moment ago, so that it is free now. */
async function freePort(): Promise<number> {
  const { port, close } = await takenPort()
  await close()
  return port
}

async function takenPort() {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { port, close: () => new Promise((resolve) => server.close(resolve)) }
}

/** Asks as the old command line does, until somebody answers. */
async function health(port: number): Promise<number> {
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${port}/health`).catch(() => undefined)
    if (answer) return answer.status
    await delay(20)
  }
}

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

t.test('started by its flags it serves HTTP, and SIGTERM ends everything', async (t) => {
  const home = shortDir(t)
  const [http, ws] = [await freePort(), await freePort()]
  const since = performance.now()
  const run = daemon(t, home, ['--http-port', `${http}`, '--ws-port', `${ws}`])
  t.equal(await health(http), 200)
  t.comment(`somebody answers after ${Math.round(performance.now() - since)} ms`)
  await run.says('host      ready')
  const cli = (...args: string[]) => runCli(t, home, [...args, '--dir', home])
  const chat = await cli('chat', '--backend', 'demo', '--name', 'one', '@@echo(hi)')
  t.match(chat, { exit: 0, stdout: /hi/ })
  await cli('spawn', '--backend', 'demo', '--name', 'two')
  const [session] = JSON.parse((await cli('ps', '--json')).stdout).sessions as { pid: number }[]
  run.process.kill('SIGTERM')
  t.match(await run.result, { exit: 0, stdout: /broker +stopped/ })
  await gone(session?.pid ?? 0)
  for (const part of ['broker', 'host', 'shim'])
    t.ok(existsSync(join(home, 'logs', `${part}.log`)), part)
})

t.test('an HTTP port that is taken is an error, and nothing is left running', async (t) => {
  const home = shortDir(t)
  const { port, close } = await takenPort()
  t.teardown(close)
  const { exit, stdout, stderr } = await daemon(t, home, ['--http-port', `${port}`]).result
  t.equal(exit, 5)
  t.match(stdout, new RegExp(`http://127.0.0.1:${port} is in use`))
  t.match(stderr, /the shim did not start/)
})

t.test('without metrics it lives on', async (t) => {
  const home = shortDir(t, { 'daemon.toml': '[server]\nenable_metrics = false' })
  const run = daemon(t, home, ['-c', join(home, 'daemon.toml')])
  await run.says('host      ready')
  t.notOk(await Promise.race([run.result, delay(0)]))
  run.process.kill('SIGINT')
  t.match(await run.result, { exit: 0 })
})

t.test('beside a broker it is the shim alone, and leaves the broker when it goes', async (t) => {
  const home = shortDir(t)
  const up = startCli(t, home, ['up', '--dir', home, '--no-shim', '--json'], { input: null })
  await up.says('"event":"up"')
  const port = await freePort()
  const run = daemon(t, home, ['--http-port', `${port}`])
  await run.says('so this is the shim alone')
  await health(port)
  run.process.kill('SIGTERM')
  const { exit, stdout } = await run.result
  t.equal(exit, 0)
  t.notMatch(stdout, /^(broker|host) /m)
  t.match(await runCli(t, home, ['ps', '--dir', home]), { exit: 0 })
  up.process.kill('SIGTERM')
  await up.result
})

t.test('what is wrong with its config is said before anything starts', async (t) => {
  const home = shortDir(t, { 'daemon.toml': '[server]\nhttp_prot = 1' })
  const bad = await daemon(t, home, ['-c', join(home, 'daemon.toml')]).result
  t.match(bad, { exit: 2, stdout: '', stderr: /unknown key http_prot; did you mean http_port/ })
  t.match(await daemon(t, home, ['-c', 'nowhere.toml']).result, { exit: 2, stderr: /nowhere/ })
  t.match(await daemon(t, home, ['--enable-auth']).result, { exit: 2, stderr: /jwt-secret/ })
})
