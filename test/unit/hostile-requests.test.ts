/**
 * A broker, or a client behind it, that asks a host for what it must not have: the real handlers of a
 * host, with every program that they would run written down in place of being run.
 */
import { readlinkSync, renameSync, rmSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { allowedBackends } from '../../agent-host/allowed.ts'
import { hostBackends } from '../../agent-host/backends/index.ts'
import { backendOptions, type HostConfig, hostConfig } from '../../agent-host/config.ts'
import { BUFFER_LIMITS } from '../../agent-host/held-bytes.ts'
import { type Found, LiveSessions } from '../../agent-host/live-sessions.ts'
import { Outflow } from '../../agent-host/outflow.ts'
import { type ChildOptions, ChildProcess } from '../../agent-host/process/child-process.ts'
import { REQUEST_HANDLERS, type RequestContext } from '../../agent-host/requests.ts'
import { MAX_WAITING_TURNS } from '../../agent-host/turn-queue.ts'
import { Roots } from '../../agent-host/working-directory.ts'
import { decodeBody, encode } from '../../protocol/codec.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { METHODS, type Params } from '../../protocol/methods/index.ts'
import { timers, tree } from '../support/processes.ts'

const OWN = { PATH: '/usr/bin:/bin', HOME: '/home/host', LANG: 'C', SECRET: 'of the host' }

/** Everything that a host of this test may ever run. */
const PROGRAMS: ReadonlyMap<string, string> = new Map([
  ['claude', '/opt/bin/claude'],
  ['codex', '/opt/bin/codex'],
  ['gemini', '/opt/bin/gemini'],
  ['opencode', '/opt/bin/opencode'],
  ['goose', '/opt/bin/goose'],
  ['calc', '/opt/bin/bc'],
  ['free', '/opt/bin/free'],
  ['demo', process.execPath],
])

interface Spawn extends ChildOptions {
  /** Where the child would have been. */
  readonly place: string
}

interface Stage {
  readonly dir: string
  readonly config: HostConfig
  readonly context: RequestContext
  readonly spawns: Spawn[]
  /** What the answer is: a code, or nothing when all went well. */
  readonly ask: (params: object) => Promise<string>
}

/** A directory with a root and all ways out of it; nothing that is started lives. */
function stage(t: Test, more: object = {}): Stage {
  const dir = t.testdir({ root: { inner: {} }, outside: { deep: {} } })
  symlinkSync(join(dir, 'outside'), join(dir, 'root', 'out'))
  symlinkSync('../..', join(dir, 'root', 'inner', 'up'))
  symlinkSync(join(dir, 'root'), join(dir, 'link-to-root'))
  const config = hostConfig({
    env: { HOME: '/home/host' },
    flags: { dir: '/run/none', name: 'here' },
    file: {
      roots: [join(dir, 'link-to-root')],
      slots: 4,
      allow_env: ['AGENT_CONTEXT', 'MY_*', '*'],
      allow_args: ['claude:--verbose', 'gemini:--debug=*'],
      claude_command: '/opt/bin/claude',
      codex_command: '/opt/bin/codex',
      gemini_command: '/opt/bin/gemini',
      opencode_command: '/opt/bin/opencode',
      acp_agents: { goose: { command: '/opt/bin/goose', args: ['acp'], env: { GOOSE: '1' } } },
      stdio_commands: {
        calc: { command: '/opt/bin/bc', args: ['-q'] },
        free: { command: '/opt/bin/free', extra_args: true },
      },
      ...more,
    },
  })
  const spawns: Spawn[] = []
  const context = contextOf(config, async (options) => {
    spawns.push({ ...options, place: readlinkSync(options.entrance ?? options.cwd) })
    throw new ProtocolError('START_FAILED', { backend: options.backend, reason: 'no' })
  })
  return { dir, config, context, spawns, ask: asker(context) }
}

function contextOf(config: HostConfig, startChild: RequestContext['startChild']): RequestContext {
  const backends = allowedBackends(hostBackends(backendOptions(config)), config)
  const found = backends.map((backend): [string, Found] => {
    const command = PROGRAMS.get(backend.name) ?? '/bin/cat'
    return [backend.name, { backend, detection: { available: true, version: '1', command } }]
  })
  return {
    hostId: 'the-host',
    config,
    roots: new Roots(config.roots, config.name),
    env: OWN,
    backends: new Map(found),
    sessions: new LiveSessions({
      outflow: new Outflow(() => true),
      buffers: BUFFER_LIMITS,
      onReadAgain: () => {},
    }),
    stop: { tree, timers, times: { eofMs: 0, termMs: 0, killMs: 2000 } },
    startChild,
    onChunks: () => {},
    onProgress: () => {},
  }
}

/** As the dialogue does it: what does not fit the schema is refused before the handler sees it. */
function asker(context: RequestContext): Stage['ask'] {
  const { signal } = new AbortController()
  return async (params) => {
    try {
      const { params: schema } = METHODS['agent.start']
      const decoded = decodeBody(schema, encode(params), 'INVALID_PARAMS', {
        method: 'agent.start',
      })
      await REQUEST_HANDLERS['agent.start'](context, decoded as Params<'agent.start'>, signal)
      return ''
    } catch (thrown) {
      return thrown instanceof ProtocolError ? thrown.code : String(thrown)
    }
  }
}

const LEASE = { session: 's', epoch: 1, native_session_id: 'native', resume: false, turn: 0 }

const SECRET_TEXT = 'the-words-of-a-user'

const sly = fc.oneof(
  fc.constantFrom(
    ...['-c', '--', '-', '', '--mcp-config={"mcpServers":{"x":{"command":"rm"}}}', '--settings=/x'],
    ...[
      '--dangerously-skip-permissions',
      '-p',
      '--add-dir=/',
      '../../etc/passwd',
      'a\0b',
      'sonnet',
    ],
    ...['--verbose', '--debug=1', '--debug', '$(id)', '`id`', ';id', '-e process.exit()', 'x\n-y'],
  ),
  fc.string({ maxLength: 12 }),
)

const name = fc.oneof(
  fc.constantFrom(
    ...['PATH', 'LD_PRELOAD', 'LD_LIBRARY_PATH', 'NODE_OPTIONS', 'HOME', 'XDG_CONFIG_HOME'],
    ...['AGENTMQ_SESSION', 'AGENTMQ_HOST', 'AGENTMQ_HOST_PID', 'AGENTMQ_ENDPOINT', 'BASH_ENV'],
    ...['GIT_SSH_COMMAND', 'HTTPS_PROXY', 'https_proxy', 'CLAUDE_CONFIG_DIR', 'MY_VALUE', 'OTHER'],
    ...['AGENT_CONTEXT', 'a b', '', '__proto__', 'PATH\0', 'X=Y'],
  ),
  fc.string({ maxLength: 8 }),
)

/** A request that is fine but for some fields, which are as bad as can be. */
function hostile(dir: string): fc.Arbitrary<object> {
  const at = (...names: string[]) => join(dir, ...names)
  const fields: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
    backend: sly,
    cwd: fc.constantFrom(
      ...[at('root', 'out'), at('root', 'out', 'deep'), at('root', 'inner', 'up'), at('outside')],
      ...[`${at('root')}/../outside`, `${at('root')}/out/../..`, '/', '/etc', 'root', '.', ''],
      ...[`${at('root')}\0/../..`, at('nowhere'), '/proc/self/cwd', '/proc/self/root', '//etc'],
    ),
    native_session_id: sly,
    model: sly,
    permission_mode: sly,
    thinking: fc.constantFrom('off', 'max', '--x'),
    max_turns: fc.constantFrom(1, 5),
    allowed_tools: fc.array(sly, { maxLength: 3 }),
    system_prompt: fc.constantFrom(SECRET_TEXT, `--settings=${SECRET_TEXT}`),
    context: fc.constantFrom(SECRET_TEXT),
    extra_args: fc.array(sly, { maxLength: 2 }),
    env: fc.dictionary(name, sly, { maxKeys: 2, noNullPrototype: true }),
  }
  const good = fc.record({
    session: fc.constantFrom('s', 't', '../x', '-x'),
    epoch: fc.integer({ min: 1, max: 3 }),
    backend: fc.constantFrom(...PROGRAMS.keys()),
    cwd: fc.constantFrom(at('root'), at('root', 'inner'), at('link-to-root')),
    native_session_id: fc.constantFrom('native', 'ses_1'),
    resume: fc.boolean(),
    turn: fc.integer({ min: 0, max: 2 }),
  })
  const bad = fc
    .subarray(Object.keys(fields), { minLength: 1, maxLength: 2 })
    .chain((keys) => fc.tuple(...keys.map((key) => (fields[key] ?? sly).map((to) => [key, to]))))
  return fc.tuple(good, bad).map(([base, changes]) => ({ ...base, ...Object.fromEntries(changes) }))
}

/** What stands on a command line by itself, and what a request may have put there as a value. */
const FIXED: Readonly<Record<string, readonly string[]>> = {
  claude: [
    ...['-p', '--input-format', 'stream-json', '--output-format', '--include-partial-messages'],
    ...['--verbose', '--permission-prompt-tool', 'stdio', '--resume', '--session-id', '--model'],
    ...['--permission-mode', '--max-turns', '--effort', '--allowedTools'],
  ],
  codex: ['app-server'],
  gemini: ['--acp'],
  opencode: ['acp'],
  goose: ['acp'],
  calc: ['-q'],
  demo: ['--resume', '--session-id', '--model', '--permission-mode', '--allowedTools'],
}

function checkArguments(t: Test, { backend, args }: Spawn): void {
  if (backend === 'free') return // its config lets a request add arguments
  const fixed = FIXED[backend] ?? []
  const options = args.filter((argument) => argument.startsWith('-'))
  const foreign = options.filter((option) => {
    return !fixed.includes(option) && !(backend === 'gemini' && option.startsWith('--debug='))
  })
  if (foreign.length > 0) t.fail(`${backend} got ${foreign.join(' ')}`)
  if (args.some((one) => one.includes(SECRET_TEXT))) t.fail(`${backend} got a prompt as argument`)
}

/** What a request must not change, whatever its host lets it set. */
function checkEnvironment(t: Test, { env, markers }: Spawn): void {
  const kept = { PATH: env['PATH'], HOME: env['HOME'], LANG: env['LANG'] }
  const { PATH, HOME, LANG } = OWN
  t.strictSame(kept, { PATH, HOME, LANG }, 'what the host passes on stays')
  const named = ['AGENT_CONTEXT', 'GOOSE', 'GEMINI_CLI_NO_RELAUNCH', 'PATH', 'HOME']
  const guarded = Object.keys(env).filter((one) => {
    const isFamily = /^(LD_|NODE_|XDG_|AGENTMQ_|GIT_|BASH_|CLAUDE_|https?_proxy$)/i.test(one)
    return isFamily && !named.includes(one)
  })
  t.strictSame(guarded, [], 'nothing guarded was set')
  t.match(markers, { AGENTMQ_HOST: 'the-host', AGENTMQ_HOST_PID: /^\d+:\d+$/ })
  t.equal(env['SECRET'], undefined, 'what the host does not pass on stays with it')
}

t.test(
  'whatever is asked for, only named programs run, below a root, as they are named',
  async (t) => {
    const { dir, spawns, ask } = stage(t)
    const root = join(dir, 'root')
    const seen = new Set<string>()
    await fc.assert(
      fc.asyncProperty(hostile(dir), async (params) => {
        spawns.length = 0
        const code = await ask(params)
        const [spawn, second] = spawns
        t.equal(second, undefined)
        if (!spawn) {
          if (!/^(INVALID_PARAMS|NOT_ALLOWED|NO_BACKEND|START_FAILED)$/.test(code)) t.fail(code)
          return
        }
        seen.add(spawn.backend)
        t.equal(spawn.command, PROGRAMS.get(spawn.backend))
        if (spawn.place !== root && !spawn.place.startsWith(`${root}/`)) t.fail(spawn.place)
        t.equal(spawn.cwd, spawn.place)
        checkArguments(t, spawn)
        checkEnvironment(t, spawn)
      }),
      { numRuns: 3000, seed: 7 },
    )
    t.strictSame([...seen].sort(), [...PROGRAMS.keys()].sort(), 'each of them was run')
  },
)

t.test('a backend that is not allowed is not there, and not started either', async (t) => {
  const { context, spawns, ask, dir } = stage(t, { allow_backends: ['demo', 'calc'] })
  t.strictSame([...context.backends.keys()], ['demo', 'calc'])
  const cwd = join(dir, 'root')
  t.equal(await ask({ ...LEASE, cwd, backend: 'claude' }), 'NOT_ALLOWED')
  t.equal(await ask({ ...LEASE, cwd, backend: 'calc' }), 'START_FAILED')
  t.strictSame(
    spawns.map(({ command }) => command),
    ['/opt/bin/bc'],
  )
  const all = stage(t)
  // Whatever the table says: the rule is looked at with each start.
  const careless = { ...all.context, config: { ...all.config, allow_backends: ['demo'] } }
  t.equal(await asker(careless)({ ...LEASE, cwd, backend: 'claude' }), 'NOT_ALLOWED')
  t.throws(() => stage(t, { allow_backends: ['cluade'] }), {
    code: 'BAD_CONFIG',
    message: /did you mean claude/,
  })
})

t.test('an argument is added only where the config names it', async (t) => {
  const { spawns, ask, dir } = stage(t)
  const start = (backend: string, ...extra_args: string[]) =>
    ask({ ...LEASE, cwd: join(dir, 'root'), backend, extra_args })
  t.equal(await start('claude', '--verbose'), 'START_FAILED', 'it was run')
  t.equal(await start('gemini', '--debug=all'), 'START_FAILED')
  t.equal(await start('free', '--anything'), 'START_FAILED', 'its own config says so')
  t.equal(spawns.length, 3)
  t.strictSame(spawns[1]?.args, ['--acp', '--debug=all'])
  for (const extra of [['--verbose', '--mcp-config={}'], ['--debug=all'], ['-p']]) {
    t.equal(await start('claude', ...extra), 'NOT_ALLOWED')
  }
  t.equal(await start('gemini', '--debug'), 'NOT_ALLOWED')
  t.equal(await start('calc', '-l'), 'INVALID_PARAMS')
  t.equal(spawns.length, 3)
})

t.test('a name that the config says in full may be set, and its markers never', async (t) => {
  const allow_env = ['LD_PRELOAD', 'XDG_DATA_*', 'X*', 'AGENTMQ_*', 'AGENTMQ_HOST']
  const { spawns, ask, dir } = stage(t, { allow_env })
  const start = (env: object) => ask({ ...LEASE, cwd: join(dir, 'root'), backend: 'calc', env })
  t.equal(await start({ LD_PRELOAD: '/x', XDG_DATA_HOME: '/y', XYZ: 'z' }), 'START_FAILED')
  t.match(spawns[0]?.env, { LD_PRELOAD: '/x', XDG_DATA_HOME: '/y', XYZ: 'z' })
  for (const refused of [
    'LD_AUDIT',
    'XDG_CONFIG_HOME',
    'PATH',
    'AGENTMQ_HOST',
    'AGENTMQ_SESSION',
  ]) {
    t.equal(await start({ [refused]: 'x' }), 'NOT_ALLOWED', refused)
  }
})

t.test('a root is what it was when the host started, whatever is put in its place', async (t) => {
  const { spawns, ask, dir } = stage(t)
  const start = (cwd: string) => ask({ ...LEASE, cwd, backend: 'calc' })
  t.equal(await start(join(dir, 'link-to-root', 'inner')), 'START_FAILED', 'it was run')
  rmSync(join(dir, 'link-to-root'))
  symlinkSync('/', join(dir, 'link-to-root'))
  t.equal(await start(join(dir, 'link-to-root', 'etc')), 'NOT_ALLOWED')
  t.equal(await start('/etc'), 'NOT_ALLOWED')
  renameSync(join(dir, 'root'), join(dir, 'moved'))
  symlinkSync(join(dir, 'outside'), join(dir, 'root'))
  t.equal(await start(join(dir, 'root', 'deep')), 'NOT_ALLOWED')
  t.equal(spawns.length, 1)
  t.throws(() => new Roots([join(dir, 'none')], 'here'), { code: 'BAD_CONFIG' })
})

t.test(
  'what is put in the place of a directory after it was looked at is not entered',
  async (t) => {
    const { dir, config } = stage(t)
    const inner = join(dir, 'root', 'inner')
    const lines: string[] = []
    const context = contextOf(config, async (options) => {
      renameSync(inner, join(dir, 'root', 'aside'))
      symlinkSync('/etc', inner)
      const program = { ...options, command: '/bin/pwd', args: ['-P'] }
      const child = await ChildProcess.start(program, {
        line: ({ text }) => lines.push(text),
        overflow: () => {},
        error: () => {},
      })
      await child.exited
      return child
    })
    await asker(context)({ ...LEASE, cwd: inner, backend: 'calc' })
    t.strictSame(lines, [join(dir, 'root', 'aside')])
  },
)

t.test('no more sessions live than there are slots, whoever asks and however', async (t) => {
  const { dir, config } = stage(t)
  const started: ChildProcess[] = []
  let most = 0
  const context: RequestContext = contextOf(config, async (options, events) => {
    const child = await ChildProcess.start({ ...options, command: 'cat', args: [] }, events)
    started.push(child)
    most = Math.max(most, context.sessions.all().length)
    return child
  })
  t.teardown(() => Promise.all(context.sessions.all().map((runner) => runner.kill())))
  const ask = asker(context)
  const start = (session: string, epoch: number) =>
    ask({ ...LEASE, session, epoch, cwd: join(dir, 'root'), backend: 'calc' })
  const first = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((one) => start(one, 1)))
  t.strictSame(first.sort(), ['', '', '', '', 'AT_CAPACITY', 'AT_CAPACITY'])
  // New leases end the old processes first: what becomes free meanwhile is given away once.
  const wave = ['a', 'b', 'c', 'd'].map((one) => start(one, 2))
  const others = ['e', 'f', 'g', 'h'].map((one) => start(one, 1))
  const answers = await Promise.all([...wave, ...others])
  t.equal(answers.filter((code) => code === '').length, 4)
  t.ok(answers.every((code) => code === '' || code === 'AT_CAPACITY'))
  t.equal(context.sessions.all().length, 4)
  t.ok(most <= 4, `at most 4 lived, and not ${most}`)
})

t.test('a session takes so many turns to wait, and tells when there are more', async (t) => {
  const { dir, config } = stage(t)
  const context = contextOf(config, (options, events) =>
    ChildProcess.start({ ...options, command: 'cat', args: [] }, events),
  )
  t.teardown(() => Promise.all(context.sessions.all().map((runner) => runner.kill())))
  t.equal(await asker(context)({ ...LEASE, cwd: join(dir, 'root'), backend: 'free' }), '')
  const { signal } = new AbortController()
  const lease = { session: 's', epoch: 1 }
  await REQUEST_HANDLERS['agent.pause'](context, { ...lease, mode: 'hold' }, signal)
  const prompt = (turn: number) =>
    REQUEST_HANDLERS['agent.prompt'](
      context,
      { ...lease, turn, text: 'x', when_busy: 'queue' },
      signal,
    )
  for (let turn = 1; turn <= MAX_WAITING_TURNS; turn += 1) await prompt(turn)
  await t.rejects(prompt(MAX_WAITING_TURNS + 1), { code: 'OVERLOADED', executed: 'no' })
})
