/** What the command line understands, and how it says that it does not. */
import { EventEmitter } from 'node:events'
import t from 'tap'
import { CommandLine } from '../../clients/cli/arguments.ts'
import { chooseBackend } from '../../clients/cli/backend-choice.ts'
import { words } from '../../clients/cli/command.ts'
import { COMMAND_NAMES } from '../../clients/cli/command-table.ts'
import { EXIT_CODES, EXIT_OF_ERROR, exitCodeOf } from '../../clients/cli/exit-codes.ts'
import { Interrupts } from '../../clients/cli/interrupts.ts'
import { partOf } from '../../clients/cli/parts.ts'
import { createParams } from '../../clients/cli/session-options.ts'
import { UsageError } from '../../clients/cli/usage-error.ts'
import { ERRORS, type ErrorCode, ProtocolError } from '../../protocol/errors.ts'
import type { HostInfo } from '../../protocol/methods/types.ts'

/** The arguments that a command would get. */
async function parse(...argv: string[]): Promise<Record<string, unknown>> {
  let found: object = {}
  const commandLine = await CommandLine.read(argv, {
    version: '1.2.3',
    columns: 80,
    run: async (_command, args) => {
      found = args
    },
  })
  await commandLine.parse()
  return found as Record<string, unknown>
}

async function complaint(...argv: string[]): Promise<string> {
  return await parse(...argv).then(
    () => 'no complaint',
    (thrown: unknown) => (thrown instanceof UsageError ? thrown.message : String(thrown)),
  )
}

t.test('a wrong word is named in one line, with the nearest right one', async (t) => {
  const cases: readonly (readonly [string, string])[] = [
    ['logs x --folow', 'unknown flag --folow; did you mean --follow?'],
    ['ps --jsn', 'unknown flag --jsn; did you mean --json?'],
    ['chat --no-thinkin', 'unknown flag --thinkin; did you mean --thinking?'],
    ['logs x --sincee=4', 'unknown flag --sincee; did you mean --since?'],
    ['lgos x', 'unknown command lgos; did you mean logs?'],
    ['zzzzzzzz', 'unknown command zzzzzzzz; see agentmq --help'],
    ['logs x -q', 'unknown flag -q; see agentmq logs --help'],
    ['ps extra', 'unknown argument extra; see agentmq ps --help'],
  ]
  for (const [line, message] of cases) t.equal(await complaint(...line.split(' ')), message)
})

t.test('a missing or bad value is named in one line', async (t) => {
  const cases: readonly (readonly [string, string | RegExp])[] = [
    ['logs', 'something is missing: agentmq logs <session>; see agentmq logs --help'],
    ['spawn hello', '--backend is needed; see agentmq spawn --help'],
    ['ps --dir', '--dir needs a value; see agentmq ps --help'],
    ['ps --dir a --dir b', '--dir is given 2 times; once is enough'],
    ['logs x --since abc', '--since needs a number'],
    ['logs x --since 0', /--since counts from 1/],
    ['logs x --raw --json', /--raw and --json do not go together/],
    ['chat -s a --backend b', /--session and --backend do not go together/],
    ['prompt x y --when-busy z', /--when-busy cannot be z; it is queue, interrupt or reject/],
  ]
  for (const [line, message] of cases) t.match(await complaint(...line.split(' ')), message)
})

t.test('a prompt is taken as it is: digits, dashes, and words after a flag', async (t) => {
  const digits = await parse('prompt', 'blue', '007', '0x10')
  t.same(digits['text'], ['007', '0x10'])
  const label = await parse('chat', '--label', 'gpu', 'fix', 'this')
  t.same([label['label'], label['prompt']], [['gpu'], ['fix', 'this']])
  const dashes = await parse('prompt', 'blue', '--', '--force', '-1')
  t.same(words(dashes['text'] as string[], dashes), ['--force', '-1'])
  t.match(await parse('prompt', 'blue', '-'), { stdin: true })
})

t.test('broker and host get their flags untouched, wherever the global ones stand', async (t) => {
  t.same(partOf(['broker', '--help']), { name: 'broker', argv: ['--help'] })
  t.same(partOf(['--json', '--dir', 'd', 'host', '--slots', '2']), {
    name: 'host',
    argv: ['--dir', 'd', '--slots', '2'],
  })
  t.same(partOf(['--dir=d', 'broker']), { name: 'broker', argv: ['--dir=d'] })
  t.equal(partOf(['chat', 'broker']), undefined)
  t.equal(partOf(['--dir', 'broker']), undefined, 'a value is no verb')
})

t.test('every command has an example and loads', async (t) => {
  for (const name of COMMAND_NAMES) {
    const commandLine = await CommandLine.read([name, '--help'], {
      version: '',
      columns: 100,
      run: async () => undefined,
    })
    t.match(await commandLine.parse(), 'Examples:', name)
  }
})

t.test('every error has an exit code that the table explains', async (t) => {
  const known = new Set<number>(Object.values(EXIT_CODES).map(({ code }) => code))
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    t.ok(known.has(EXIT_OF_ERROR[code]), code)
    t.not(EXIT_OF_ERROR[code], 0, `${code} is no success`)
  }
  t.equal(known.size, Object.keys(EXIT_CODES).length, 'no code has two meanings')
  t.equal(exitCodeOf(new ProtocolError('NO_SUCH_SESSION')), 3)
  t.equal(exitCodeOf(new UsageError('')), 2)
  t.equal(exitCodeOf(new Error('')), 1)
})

t.test('the flags of a session become its parameters', async (t) => {
  const flags = { model: 'm', 'allow-tool': ['Read'], env: ['A=1=2', 'B='], label: ['gpu'] }
  t.same(createParams(flags, 'claude', '/here'), {
    backend: 'claude',
    model: 'm',
    allowed_tools: ['Read'],
    env: { A: '1=2', B: '' },
    labels: ['gpu'],
  })
  t.match(createParams({}, 'demo', '/here'), { cwd: '/here' }, 'this directory, on this machine')
  t.throws(() => createParams({ env: ['NO_VALUE'] }, 'demo', '/'), { name: 'UsageError' })
})

function host(status: HostInfo['status'], claude: boolean): HostInfo {
  const shared = { version: '2.0', capabilities: [] }
  const backend = { name: 'claude', title: 'Claude Code', available: claude, reason: 'not found' }
  return {
    host: 'h',
    name: 'lab',
    status,
    draining: false,
    labels: [],
    slots: 1,
    used: 0,
    backends: [{ ...backend, ...shared }],
    software: '',
    pid: 1,
    since: 0,
    heard_ms: 0,
    loop_lag_ms: 0,
    in_flight: 0,
    progress_age_ms: -1,
  }
}

t.test(
  'a chat takes claude where an online host has it, else the demo agent, and says why',
  async (t) => {
    t.match(chooseBackend([host('online', false), host('online', true)]), { backend: 'claude' })
    const demo = chooseBackend([host('online', false), host('offline', true)])
    t.match(demo, { backend: 'demo', because: /not available: not found/ })
    t.throws(() => chooseBackend([host('offline', true)]), { code: 'NO_HOST' })
  },
)

t.test('an interrupt goes to whoever took it last, and otherwise ends the command', async (t) => {
  const source = new EventEmitter()
  const gaveUp: string[] = []
  const interrupts = new Interrupts(source, (name) => gaveUp.push(name))
  const taken: string[] = []
  const taking = interrupts.take((name) => taken.push(name))
  source.emit('SIGINT')
  t.same([taken, interrupts.signal.aborted], [['SIGINT'], false])
  taking[Symbol.dispose]()
  source.emit('SIGTERM')
  t.same([interrupts.signal.aborted, interrupts.last], [true, 'SIGTERM'])
  source.emit('SIGINT')
  t.same(gaveUp, ['SIGINT'], 'asked twice')
  interrupts.close()
  t.equal(source.listenerCount('SIGINT'), 0)
})
