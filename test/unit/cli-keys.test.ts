/** What `agentmq keys` prints for other machines, what it takes from them, and what a host says meanwhile. */
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough, Readable } from 'node:stream'
import t from 'tap'
import { hostConfig } from '../../agent-host/config.ts'
import type { HostNotice } from '../../agent-host/host.ts'
import { Teller } from '../../agent-host/teller.ts'
import { CommandLine } from '../../clients/cli/arguments.ts'
import type { Cli, CommandModule, Globals } from '../../clients/cli/command.ts'
import { joinLines } from '../../clients/cli/keys/join-lines.ts'
import { givenKey } from '../../clients/cli/keys/public-key-input.ts'
import { Output } from '../../clients/cli/output.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { fingerprint, newKeyPair } from '../../protocol/keys/key-pair.ts'
import { ownKeys } from '../../protocol/process/key-file.ts'

const { publicKey: KEY } = newKeyPair(randomBytes)
const DOOR = {
  ...{ endpoint: 'tcp://0.0.0.0:19700', streams: 'tcp://0.0.0.0:19701', advertised: '' },
  ...{ key: KEY, fingerprint: fingerprint(KEY), next_key: '' },
}
const LOCAL = 'ipc:///run/broker.sock'

t.test('the lines name the best address that is known', async (t) => {
  const server = (door: object, endpoint = LOCAL) =>
    joinLines({ ...DOOR, ...door }, { endpoint, machine: 'box' }).server
  t.equal(server({ advertised: 'tcp://lab:1' }, 'tcp://10.0.0.1:2'), 'tcp://lab:1', 'what was said')
  t.equal(server({}, 'tcp://10.0.0.1:2'), 'tcp://10.0.0.1:2', 'how the command got there itself')
  t.equal(server({ endpoint: 'tcp://10.0.0.9:3' }), 'tcp://10.0.0.9:3', 'where it listens')
  for (const any of ['0.0.0.0', '*', '[::]']) {
    const lines = joinLines(
      { ...DOOR, endpoint: `tcp://${any}:4` },
      { endpoint: LOCAL, machine: 'b' },
    )
    t.match(lines, { server: 'tcp://b:4', server_is_guess: true }, 'a guess, and it is said')
  }
})

t.test('the lines quote the key so that a shell gives it back', async (t) => {
  const key = '-a!b&c*(d)<e>$f#g%h?i=j^k:l+m.n@o/p{q}[r'
  const lines = joinLines({ ...DOOR, key, advertised: 'tcp://lab.example:1' }, { endpoint: LOCAL })
  t.equal(lines.client, `agentmq context add lab --server tcp://lab.example:1 --key='${key}'`)
  t.equal(lines.host, `agentmq host --endpoint tcp://lab.example:1 --broker-key='${key}'`)
})

t.test('a context is named after the machine, where that has a name', async (t) => {
  const name = (advertised: string) => joinLines({ ...DOOR, advertised }, { endpoint: LOCAL }).name
  t.equal(name('tcp://lab.example.org:1'), 'lab')
  t.equal(name('tcp://10.0.0.1:1'), 'broker')
  t.equal(name('tcp://[fe80::1]:1'), 'broker')
  t.equal(joinLines(DOOR, { endpoint: LOCAL, name: 'mine' }).name, 'mine')
})

t.test('a broker that listens to no network has no lines', async (t) => {
  const closed = { ...DOOR, endpoint: '' }
  t.throws(() => joinLines(closed, { endpoint: LOCAL }), {
    code: 'BAD_CONFIG',
    message: /start it with --listen/,
  })
})

/** As far as reading goes. */
const cliWith = (input: string) => ({ input: Readable.from([input]) }) as unknown as Cli

t.test('a public key is taken from the line, a file, or stdin, alone or as JSON', async (t) => {
  const file = join(t.testdir(), 'anna.pub')
  const cli = cliWith('')
  t.equal(await givenKey({}, cli), undefined)
  t.equal(await givenKey({ key: KEY }, cli), KEY)
  for (const text of [`${KEY}\n`, JSON.stringify({ key: KEY, fingerprint: 'x' })]) {
    writeFileSync(file, text)
    t.equal(await givenKey({ from: file }, cli), KEY)
    t.equal(await givenKey({ from: '-' }, cliWith(text)), KEY)
  }
})

t.test('what is no public key is refused, and a secret one is not repeated', async (t) => {
  const dir = t.testdir()
  const secretFile = join(dir, 'client.key')
  const { secretKey } = ownKeys(secretFile, randomBytes)
  const wrong = [
    [{ key: 'abc' }, '', /--key is no public key: 40 characters/],
    [{ key: fingerprint(KEY) }, '', /is no public key/],
    [{ from: join(dir, 'none') }, '', /cannot be read \(ENOENT\)/],
    [{ from: secretFile }, '', /holds a secret key/],
    [{ from: '-' }, '{"no', /stdin is no public key/],
    [{ from: '-', key: KEY }, '', /do not go together/],
  ] as const
  for (const [source, input, message] of wrong) {
    try {
      await givenKey(source, cliWith(input))
      t.fail('it was taken')
    } catch (thrown) {
      t.match(thrown, { name: 'UsageError', message })
      t.notOk(String(thrown).includes(secretKey))
    }
  }
})

/** What a host named east says to these notices. */
function said(...notices: readonly HostNotice[]): string {
  const flags = { name: 'east', endpoint: 'tcp://lab:1', dir: '/d' }
  let text = ''
  const teller = new Teller(hostConfig({ flags, env: {} }), (more) => {
    text += more
  })
  for (const notice of notices) teller.tell(notice)
  return text
}

const unknown = new ProtocolError('KEY_NOT_APPROVED', {
  endpoint: 'tcp://lab:1',
  key: '1a2b3-c4d5e',
})
const away = (problem?: ProtocolError): HostNotice => ({ type: 'away', reason: 'why', problem })
const registered: HostNotice = { type: 'registered', backends: [] }

t.test('a host whose key is not known says what to run on the machine of the broker', async (t) => {
  t.equal(
    said(away(unknown)),
    `agentmq host: tcp://lab:1 does not know the key of this host yet, 1a2b3-c4d5e
  → on its machine: agentmq keys approve 1a2b3-c4d5e --as east --role host
  → this host goes on by itself then
`,
  )
})

t.test('a host that was away says that it is back, and nothing when it never was', async (t) => {
  t.match(said(away(unknown), registered), /\nagentmq host: registered at tcp:\/\/lab:1\n$/)
  t.equal(said(registered), '')
  t.match(said(away()), 'no broker at tcp://lab:1 (why); trying again')
  const wrong = new ProtocolError('WRONG_BROKER_KEY', { endpoint: 'tcp://lab:1', key: 'x' })
  t.match(said(away(wrong)), /trying again\n {2}→ Compare it with/)
})

/** What a command line is refused with, before any broker is asked. */
async function refusal(home: string, line: string): Promise<unknown> {
  const argv = line.split(' ')
  const output = new Output({
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    json: false,
    env: {},
  })
  const { signal } = new AbortController()
  const run = async (command: CommandModule, globals: Globals) => {
    const world = { globals, env: { HOME: home }, output, signal, cwd: home, software: 'test' }
    await command.handler(globals as never, world as unknown as Cli)
  }
  const commandLine = await CommandLine.read(argv, { version: '', columns: 80, run })
  return await commandLine.parse().then(
    () => 'nothing',
    (thrown: unknown) => thrown,
  )
}

t.test('flags and words that do not go with a verb are refused', async (t) => {
  const home = t.testdir()
  const cases: readonly (readonly [string, RegExp])[] = [
    ['keys approve', /needs one fingerprint/],
    ['keys approve 1a2b3', /needs --as NAME/],
    ['keys approve 1a2b3 --as a/b', /is no name of a principal/],
    ['keys add anna --key abc', /--key is no public key/],
    ['keys list --role host', /--role does not go with agentmq keys list/],
    ['keys revoke', /needs one principal, or one fingerprint/],
    ['keys rotate now', /now is no step; agentmq keys rotate begin, finish, abandon/],
    ['keys add anna --role chief', /--role cannot be chief; it is observer,/],
    ['keys lisst', /--verb cannot be lisst/],
    ['context add', /needs a name/],
    ['context add a', /needs --server/],
    ['context add a --server tcp://lab:1', /known by its key/],
    ['context add a --server tcp://lab:1 --key 1a2b3-c4d5e-6f708-192a3', /this is a fingerprint/],
    ['context add a --server ipc:///x --key abc', /--key goes with --server tcp/],
    ['context list --force', /go with agentmq context add/],
    ['context use', /needs a name, or --none/],
    ['context show lab', /there is no context lab/],
  ]
  for (const [line, message] of cases) t.match(await refusal(home, line), { message }, line)
})
