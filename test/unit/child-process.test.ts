import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { childEnvironment } from '../../agent-host/process/environment.ts'
import { createProbe } from '../../agent-host/process/probe.ts'
import { happensWithin } from '../../agent-host/process/timers.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import {
  eventually,
  freshMarkers,
  startChild,
  startScript,
  timers,
  tree,
} from '../support/processes.ts'

const ECHO = 'process.stdin.pipe(process.stdout)'

t.test('lines go in and come out, and the exit code is the true one', async (t: Test) => {
  const { child, lines, until } = await startScript(
    t,
    `${ECHO}.on('finish', () => {}); process.on('exit', () => process.exitCode = 7)`,
  )
  t.equal(child.write('one'), true)
  child.write('zwei ü')
  await until(() => lines.length === 2)
  t.same(lines, ['one', 'zwei ü'])
  child.closeStdin()
  t.same(await child.exited, { exitCode: 7, signal: null })
  t.equal(child.alive, false)
  t.equal(child.write('too late'), false)
})

t.test('a signal that ends the child is told as it was', async (t: Test) => {
  const { child } = await startScript(t, 'process.kill(process.pid, "SIGKILL")')
  t.same(await child.exited, { exitCode: null, signal: 'SIGKILL' })
})

t.test('the child gets the given environment, the markers, and nothing else', async (t: Test) => {
  const { child, lines } = await startScript(t, 'console.log(JSON.stringify(process.env))', {
    env: { ONLY: 'this' },
  })
  await child.exited
  const seen: Record<string, string> = JSON.parse(lines[0] ?? '')
  // The test runner adds its own to the environment of every child, whoever starts it.
  const names = Object.keys(seen).filter((name) => !/^(_TAPJS_|NODE_OPTIONS$)/.test(name))
  t.same(new Set(names), new Set(['ONLY', ...Object.keys(child.markers)]))
  t.match(seen, { ONLY: 'this', ...child.markers })
})

t.test('the child leads a process group of its own', async (t: Test) => {
  const { child, lines, until } = await startScript(t, `console.log('up'); ${ECHO}`)
  await until(() => lines.length === 1)
  t.equal(child.signalGroup('SIGTERM'), true)
  t.same(await child.exited, { exitCode: null, signal: 'SIGTERM' })
  t.equal(child.signalGroup('SIGTERM'), false, 'its number may be another process by now')
})

t.test('what is written in the last moment is read before exited settles', async (t: Test) => {
  const { child, lines } = await startScript(
    t,
    'for (let i = 0; i < 20000; i++) process.stdout.write(i + "\\n"); process.stdout.write("half")',
  )
  await child.exited
  t.equal(lines.length, 20_001)
  t.equal(lines.at(-1), 'half')
})

t.test(
  'a paused child waits, and nothing is lost when it dies in the meantime',
  async (t: Test) => {
    const { child, lines, until } = await startScript(
      t,
      'process.stdout.write("a\\nb\\n", () => process.exit(3))',
      { pipeGraceMs: 1 },
    )
    child.pause()
    t.same(await child.died, { exitCode: 3, signal: null })
    t.equal(await happensWithin(timers, child.exited, 50), false, 'it waits for the reader')
    t.same(lines, [])
    child.resume()
    await until(() => lines.length === 2)
    t.same(await child.exited, { exitCode: 3, signal: null })
  },
)

t.test('a paused child fills its pipe and no more', async (t: Test) => {
  const script = `
    let sent = 0
    process.on('SIGUSR2', () => process.stderr.write(sent + '\\n'))
    const more = () => { while (process.stdout.write('x'.repeat(1023) + '\\n')) sent++; sent++ }
    process.stdout.on('drain', more); more(); process.stderr.write('started\\n')`
  const { child, stderr, until } = await startScript(t, script)
  child.pause()
  await until(() => stderr.length === 1)
  const sent = async (): Promise<number> => {
    const count = stderr.length
    child.signal('SIGUSR2')
    await until(() => stderr.length > count)
    return Number(stderr.at(-1))
  }
  const full = await sent()
  t.ok(full < 2048, `${full} KiB left the child`)
  t.equal(await sent(), full, 'it stands still')
  child.resume()
  child.signalGroup('SIGKILL')
  await child.exited
})

t.test('a line over the limit is reported and the next one is fine', async (t: Test) => {
  const { child, lines, overflows } = await startScript(
    t,
    'process.stdout.write("x".repeat(300000) + "\\nok\\n")',
    { maxLineBytes: 1000 },
  )
  await child.exited
  t.same(lines, ['ok'])
  t.same(overflows, [300_000])
})

t.test('stderr is drained, its tail kept, its lines told', async (t: Test) => {
  const { child, stderr } = await startScript(
    t,
    'for (let i = 0; i < 100000; i++) process.stderr.write(i + "\\n")',
  )
  child.pause()
  await child.died
  child.resume()
  await child.exited
  t.equal(stderr.length, 100_000)
  t.ok(child.stderr.text().endsWith('99998\n99999\n'))
  t.ok(child.stderr.droppedBytes > 0)
})

t.test(
  'a child that does not read its stdin costs a bounded queue and a coded error',
  async (t: Test) => {
    const { child, errors } = await startScript(t, 'setInterval(() => {}, 1e6)', {
      maxStdinBytes: 3_000_000,
    })
    const line = 'x'.repeat(1_000_000)
    const taken = [1, 2, 3, 4].map(() => child.write(line))
    t.same(taken.slice(0, 2), [true, true])
    t.equal(taken.at(-1), false)
    t.ok(errors.length > 0 && errors.every((code) => code === 'OVERLOADED'))
    child.signalGroup('SIGKILL')
    await child.exited
  },
)

t.test(
  'writing to a child that has closed its stdin is an error event, not a crash',
  async (t: Test) => {
    const { child, errors, lines, until } = await startScript(
      t,
      'require("node:fs").closeSync(0); console.log("closed"); setInterval(() => {}, 1e6)',
    )
    await until(() => lines.length === 1)
    child.write('nobody reads this')
    await until(() => errors.length === 1)
    t.same(errors, ['AGENT_GONE'])
    child.signalGroup('SIGKILL')
    await child.exited
  },
)

t.test('a grandchild that holds stdout open delays exited by the grace only', async (t: Test) => {
  const script = `
    const { spawn } = require('node:child_process')
    const g = spawn('sleep', ['600'], { detached: true, stdio: ['ignore', 'inherit', 'inherit'] })
    console.log(g.pid); g.unref(); process.exit(5)`
  const { child, lines } = await startScript(t, script, { pipeGraceMs: 50 })
  t.same(await child.exited, { exitCode: 5, signal: null })
  t.equal(lines.length, 1)
  const [left] = tree.marked(child.markers)
  t.equal(String(left?.pid), lines[0], 'it is found by its marker')
  if (left !== undefined) tree.signal(left, 'SIGKILL')
  await eventually(() => tree.marked(child.markers).length === 0, 'the grandchild to end')
})

t.test('a child that ended leaves no timer, also when it is told to go on', async (t: Test) => {
  let running = 0
  const counting = {
    now: () => timers.now(),
    after: (ms: number, run: () => void) => {
      running += 1
      const callOff = timers.after(ms, run)
      return () => {
        running -= 1
        callOff()
      }
    },
  }
  const { child } = await startScript(t, '', { timers: counting })
  const resumed = child.died.then(() => child.resume())
  await Promise.all([child.exited, resumed])
  child.resume()
  t.equal(running, 0)
})

t.test('a start that fails says which part is at fault', async (t: Test) => {
  const directory = t.testdir({ file: 'not a program', script: '#!/no/such/interpreter\n' })
  const file = join(directory, 'file')
  const script = join(directory, 'script')
  chmodSync(script, 0o755)
  const start = async (command: string, cwd: string, args: string[] = []): Promise<unknown> => {
    try {
      await startChild(t, { command, cwd, args })
      return 'started'
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      t.equal(error.code, 'START_FAILED')
      t.equal(error.where, 'host')
      return error.details['cause']
    }
  }
  t.equal(await start('agentmq-no-such-command', directory), 'command_missing')
  t.equal(await start(join(directory, 'nothing'), directory), 'command_missing')
  t.equal(await start(file, directory), 'command_not_executable')
  t.equal(await start(script, directory), 'interpreter_missing')
  t.equal(await start(process.execPath, join(directory, 'nowhere')), 'cwd_missing')
  t.equal(await start(process.execPath, file), 'cwd_not_directory')
  t.equal(await start(process.execPath, directory, ['a\0b']), 'ERR_INVALID_ARG_VALUE')
})

t.test(
  'only the base names, what the host passes on and what may be set get through',
  async (t: Test) => {
    const own = { PATH: '/bin', LC_ALL: 'C', SECRET: 's', CLOUD_KEY: 'k', AGENTMQ_SESSION: 'outer' }
    const rules = {
      hostId: 'h',
      passOn: ['CLOUD_*', 'AGENTMQ_*'],
      settable: ['ANTHROPIC_*', 'DEBUG'],
    }
    t.same(childEnvironment(own, { DEBUG: '1', ANTHROPIC_API_KEY: 'x' }, rules), {
      PATH: '/bin',
      LC_ALL: 'C',
      CLOUD_KEY: 'k',
      DEBUG: '1',
      ANTHROPIC_API_KEY: 'x',
    })
    for (const name of ['LD_PRELOAD', 'PATH', 'AGENTMQ_HOST']) {
      t.throws(() => childEnvironment({}, { [name]: 'secret' }, rules), { code: 'NOT_ALLOWED' })
    }
    t.throws(() => childEnvironment({}, { DEBUG: 'a\0b' }, rules), { code: 'INVALID_PARAMS' })
    t.throws(() => childEnvironment({}, { 'A=B': 'x' }, rules), { code: 'INVALID_PARAMS' })
    try {
      childEnvironment({}, { SECRET: 'the value' }, rules)
    } catch (error) {
      t.notMatch(JSON.stringify(error) + String(error), 'the value')
    }
  },
)

t.test(
  'a probe tells what a command says, that it is missing, or that it hangs',
  async (t: Test) => {
    const markers = freshMarkers(t)
    const probe = createProbe({ tree, timers, env: {}, markers, limitMs: 5_000 })
    t.same(await probe(process.execPath, ['--version']), { stdout: process.version, exitCode: 0 })
    t.match(await probe('agentmq-no-such-command', []), { missing: /no command/ })
    const impatient = createProbe({ tree, timers, env: {}, markers, limitMs: 100 })
    const hang = ['-e', 'setInterval(() => {}, 1e6)']
    t.match(await impatient(process.execPath, hang), { missing: /no answer/ })
    t.same(tree.marked(markers), [])
  },
)

t.test('a child whose parent may end does not hold it', async (t: Test) => {
  const script = join(t.testdir(), 'parent.mjs')
  const url = new URL('../../agent-host/process/child-process.js', import.meta.url)
  writeFileSync(
    script,
    `import { ChildProcess } from ${JSON.stringify(url.href)}
     const options = { backend: 'x', command: process.execPath, args: ['-e', ${JSON.stringify(ECHO)}],
       cwd: '/', env: {}, markers: {} }
     const child = await ChildProcess.start(options, { line() {}, overflow() {}, error() {} })
     child.unref()`,
  )
  const { child } = await startChild(t, { args: [script] })
  t.same(await child.exited, { exitCode: 0, signal: null })
})
