/** Which broker is meant, where flags, environment and config file may each name one. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { hostConfig } from '../../agent-host/config.ts'
import type { Globals } from '../../clients/cli/command.ts'
import { commandFor } from '../../clients/cli/session-text.ts'
import { readOwnPlace, readPlaces, readSettings } from '../../clients/cli/settings.ts'
import { flagText, shellWord } from '../../clients/cli/shell-text.ts'
import { shimConfig } from '../../clients/shim/config.ts'
import { type GivenPlace, meantPlace } from '../../protocol/meant-place.ts'

const KEY = 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7'
const LAB = { endpoint: 'tcp://lab:19700', broker_key: KEY }
const CONTEXTS = { lab: LAB, mine: { dir: '/srv/mine' } }

const meant = (flags: GivenPlace, env: GivenPlace = {}, file: GivenPlace = {}) =>
  meantPlace([flags, env, file], (name) => CONTEXTS[name as keyof typeof CONTEXTS])

t.test('a context is the place that it names', async (t) => {
  t.same(meant({ context: 'lab' }), LAB)
  t.same(meant({}, {}, { context: 'mine' }), { dir: '/srv/mine' })
  t.same(meant({}), {})
})

t.test('whoever names a place in a weightier way does not mean the context', async (t) => {
  t.same(meant({ dir: '/d' }, { context: 'lab' }), { dir: '/d' })
  t.same(meant({}, { dir: '/d' }, { context: 'lab' }), { dir: '/d' })
  t.same(meant({ endpoint: 'ipc:///x' }, {}, { context: 'lab' }), { endpoint: 'ipc:///x' })
})

t.test('a context goes before places that are named in a lighter way', async (t) => {
  t.same(meant({ context: 'mine' }, { dir: '/d', endpoint: 'ipc:///x' }), { dir: '/srv/mine' })
  t.same(
    meant({ context: 'lab' }, { dir: '/d', endpoint: 'ipc:///x', broker_key: 'another' }),
    { ...LAB, dir: '/d' },
    'but the directory is still that of the own files, and the key is that of this broker',
  )
})

t.test('what is said beside a context, or above it, goes over it', async (t) => {
  t.same(meant({ context: 'lab', endpoint: 'tcp://10.0.0.1:1' }), {
    ...LAB,
    endpoint: 'tcp://10.0.0.1:1',
  })
  t.same(meant({ key_file: '/k' }, { context: 'lab' }), { ...LAB, key_file: '/k' })
  t.same(meant({ context: 'lab' }, { key_file: '/k' }), { ...LAB, key_file: '/k' })
})

t.test('without a context each setting is taken for itself, as ever', async (t) => {
  t.same(meant({ dir: '/flag' }, { endpoint: 'tcp://a:1', dir: '/env' }, { broker_key: KEY }), {
    dir: '/flag',
    endpoint: 'tcp://a:1',
    broker_key: KEY,
  })
})

const GLOBALS: Globals = {
  ...{ json: false, debug: false, 'foreign-socket': undefined },
  ...{ dir: undefined, endpoint: undefined, context: undefined, config: undefined },
  ...{ 'broker-key': undefined, 'key-file': undefined },
}

function configFile(t: Test, client: object = {}): string {
  const path = join(t.testdir(), 'config.json')
  writeFileSync(path, JSON.stringify({ client, contexts: CONTEXTS }))
  return path
}

t.test('every part and the command line know contexts', async (t) => {
  const config = configFile(t)
  const env = { HOME: '/h', AGENTMQ_CONFIG: config }
  const flags = { context: 'lab', config }
  const places = { endpoint: LAB.endpoint, stateDir: '/h/.local/state/agentmq' }
  t.match(hostConfig({ flags, env }), { access: { broker_key: KEY }, places })
  t.match(shimConfig({ flags, env }), { access: { broker_key: KEY }, places })
  t.match(readSettings({ env, globals: { ...GLOBALS, context: 'lab' } }), LAB)
  const byName = { ...env, AGENTMQ_CONTEXT: 'lab' }
  t.match(hostConfig({ env: byName }), { places })
  t.match(readPlaces({ env: byName, globals: GLOBALS }), places)
})

t.test('--config names the file of the contexts as well', async (t) => {
  const globals = { ...GLOBALS, config: configFile(t), context: 'lab' }
  t.match(readSettings({ env: { HOME: '/h' }, globals }), LAB)
  t.throws(() => readSettings({ env: {}, globals: { ...globals, context: 'labb' } }), {
    code: 'BAD_CONFIG',
    message: /did you mean lab\?/,
  })
})

t.test('what runs here has the usual context of clients neither as place nor as key', async (t) => {
  const env = { HOME: '/h', AGENTMQ_CONFIG: configFile(t, { context: 'lab' }) }
  t.match(readSettings({ env, globals: GLOBALS }), LAB, 'a client has it')
  t.same(readOwnPlace({ env, globals: GLOBALS }), {})
  t.same(readOwnPlace({ env: { ...env, AGENTMQ_CONTEXT: 'lab' }, globals: GLOBALS }), {})
  t.same(readOwnPlace({ env, globals: { ...GLOBALS, context: 'mine' } }), { dir: '/srv/mine' })
})

t.test('words for a shell are what they were', async (t) => {
  t.equal(shellWord('tcp://lab:19700'), 'tcp://lab:19700')
  t.equal(shellWord(KEY), `'${KEY}'`)
  t.equal(shellWord(`it's`), `'it'\\''s'`)
  t.equal(shellWord(''), `''`)
  t.equal(flagText('broker-key', '-a-key'), '--broker-key=-a-key', 'or it would be a flag')
})

t.test('a command to go on with has the flags of its place', async (t) => {
  const globals = { ...GLOBALS, context: 'lab', 'key-file': '/my keys/a' }
  t.equal(commandFor('ps', globals), `agentmq ps --context lab --key-file='/my keys/a'`)
  t.equal(commandFor('ps', { ...GLOBALS, dir: '/d' }), 'agentmq ps --dir /d')
})
