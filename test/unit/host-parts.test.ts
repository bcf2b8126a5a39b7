/** The small parts of a host: turns, settings, the lock, what stderr may cost. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { hostConfig, usualRoots } from '../../agent-host/config.ts'
import { lockHost } from '../../agent-host/host-lock.ts'
import { ProcessTree } from '../../agent-host/process/process-tree.ts'
import { absolutePath, settled } from '../../agent-host/programs.ts'
import { STDERR_BUDGET, StderrBudget } from '../../agent-host/stderr-budget.ts'
import { TurnQueue } from '../../agent-host/turn-queue.ts'
import { usualDirectory } from '../../agent-host/working-directory.ts'

t.test('turns run one at a time, in order, each once', (t) => {
  const turns = new TurnQueue(4)
  t.equal(turns.add({ turn: 4, text: 'of an earlier life' }), false)
  t.ok(turns.add({ turn: 5, text: 'five' }))
  t.ok(turns.add({ turn: 6, text: 'six' }))
  t.equal(turns.add({ turn: 5, text: 'again' }), false)
  t.match(turns.begin(), { turn: 5, text: 'five' })
  t.equal(turns.begin(), undefined, 'one runs')
  t.equal(turns.end(), 5)
  t.equal(turns.end(), 0, 'none runs')
  t.match(turns.begin(), { turn: 6 })
  t.ok(turns.add({ turn: 8, text: 'eight' }))
  t.strictSame(turns.abandon(), [{ turn: 8, text: 'eight' }], 'what runs is not abandoned')
  t.equal(turns.current, 6)
  t.equal(turns.highest, 8)
  t.equal(turns.end(), 6)
  t.equal(turns.begin(), undefined)
  t.end()
})

t.test('that a host begins in / allows nothing, and its sessions begin at home', (t) => {
  const { HOME } = process.env
  const here = process.cwd()
  t.teardown(() => {
    process.chdir(here)
    process.env['HOME'] = HOME
  })
  process.env['HOME'] = t.testdir({})
  process.chdir('/')
  t.strictSame(usualRoots(), [process.env['HOME'], tmpdir()])
  t.equal(usualDirectory(), process.env['HOME'])
  process.env['HOME'] = '/none'
  t.strictSame(usualRoots(), [tmpdir()])
  process.chdir(here)
  t.strictSame(usualRoots(), [here, tmpdir()])
  t.equal(usualDirectory(), here)
  t.end()
})

t.test('which file a program is does not hang on where a session works', (t) => {
  const dir = t.testdir({ bin: { mine: '' }, other: { mine: '' } })
  chmodSync(join(dir, 'bin', 'mine'), 0o755)
  chmodSync(join(dir, 'other', 'mine'), 0o755)
  const find = (command: string, path?: string) =>
    settled({ available: true, version: '1', command }, path)
  const path = `:.:other:${join(dir, 'none')}:${join(dir, 'bin')}:${join(dir, 'other')}`
  t.match(find('mine', path), { available: true, command: join(dir, 'bin', 'mine') })
  t.match(find('/opt/x', path), { available: true, command: '/opt/x' })
  t.match(find('mine', ':.:other'), { available: false, reason: /there is no command mine/ })
  t.match(find('sh'), { available: true, command: /^\/(usr\/)?bin\/sh$/ })
  t.same(find('sh', ''), { available: false, reason: 'there is no command sh' })
  const missing = { available: false, reason: 'why' } as const
  t.equal(settled(missing, path), missing)
  t.equal(absolutePath('/a::.:b:/c'), '/a:/c')
  t.equal(absolutePath('.:'), undefined)
  const config = hostConfig({
    env: { HOME: '/home/me' },
    flags: { dir: '/run/a', 'claude-command': './bin/claude' },
    file: { stdio_commands: { calc: { command: '../bc' } }, codex_command: '/opt/codex' },
  })
  t.equal(config.claude_command, join(process.cwd(), 'bin', 'claude'))
  t.equal(config.stdio_commands['calc']?.command, join(process.cwd(), '..', 'bc'))
  t.match(config, { codex_command: '/opt/codex', gemini_command: 'gemini' })
  t.end()
})

t.test('the settings of a host have defaults that a person need not touch', (t) => {
  const config = hostConfig({ env: { HOME: '/home/me' }, flags: { dir: '/run/a' } })
  t.match(config.name, /^[A-Za-z0-9][A-Za-z0-9._-]*$/)
  t.ok(config.slots >= 8)
  t.ok(config.roots.includes(homedir()) && config.roots.includes(process.cwd()))
  t.match(config, { labels: [], claude_command: 'claude', stop_ms: 5000, exit_with_parent: false })
  t.equal(config.places.endpoint, 'ipc:///run/a/run/broker.sock')
  t.end()
})

t.test(
  'flags go before the environment, that before the file, and a fault names its source',
  (t) => {
    const env = {
      HOME: '/home/me',
      AGENTMQ_SLOTS: '3',
      AGENTMQ_NAME: 'env',
      AGENTMQ_ROOTS: '/a,/b',
    }
    const config = hostConfig({ env, flags: { name: 'flag' }, file: { slots: 2, stop_ms: 7 } })
    t.match(config, { name: 'flag', slots: 3, stop_ms: 7, roots: ['/a', '/b'] })
    const failing = (sources: object) => () => hostConfig({ env: { HOME: '/home/me' }, ...sources })
    t.throws(failing({ file: { slot: 2 } }), { code: 'BAD_CONFIG', message: /did you mean slots/ })
    t.throws(failing({ flags: { slots: -1 } }), { code: 'BAD_CONFIG', message: /--slots/ })
    t.throws(failing({ flags: { name: 'a/b' } }), { code: 'BAD_CONFIG', message: /--name/ })
    t.throws(failing({ env: { HOME: '/h', AGENTMQ_STOP_MS: 'soon' } }), { message: /STOP_MS/ })
    t.end()
  },
)

t.test('one process is the host of a name, until it is gone', (t) => {
  const dir = t.testdir()
  const tree = new ProcessTree()
  const unlock = lockHost(dir, 'one', tree)
  t.throws(() => lockHost(dir, 'one', tree), {
    code: 'IN_USE',
    message: `the host name one in ${dir} is in use by process ${process.pid}`,
  })
  lockHost(dir, 'two', tree)()
  unlock()
  unlock()
  lockHost(dir, 'one', tree)()
  t.end()
})

t.test('the lock of a process that is gone is taken over, and is not released by it', (t) => {
  const dir = t.testdir()
  const tree = new ProcessTree()
  mkdirSync(join(dir, 'hosts'))
  const path = join(dir, 'hosts', 'one.lock')
  const { startTicks } = tree.self()
  for (const stale of [`${process.pid}:${startTicks - 1}`, '4194303:1', 'rubbish', '']) {
    writeFileSync(path, stale)
    const unlock = lockHost(dir, 'one', tree)
    t.equal(readFileSync(path, 'utf8'), `${process.pid}:${startTicks}`)
    unlock()
  }
  const unlock = lockHost(dir, 'one', tree)
  writeFileSync(path, '4194303:1')
  unlock()
  t.equal(readFileSync(path, 'utf8'), '4194303:1')
  t.end()
})

t.test(
  'stderr becomes chunks up to a number of lines and of characters, and says where it ends',
  (t) => {
    const lines = new StderrBudget()
    const told = Array.from({ length: STDERR_BUDGET.lines + 5 }, () => lines.take('x'))
    t.equal(told.filter((line) => line === 'x').length, STDERR_BUDGET.lines)
    t.match(told[STDERR_BUDGET.lines], /the rest is left out/)
    t.equal(told.at(-1), undefined)
    const long = new StderrBudget()
    t.equal(long.take('x'.repeat(STDERR_BUDGET.characters))?.length, STDERR_BUDGET.characters)
    t.match(long.take('y'), /left out/)
    t.equal(long.take('z'), undefined)
    t.end()
  },
)
