/** Whose sockets, directories and key files are: what is made, what is mended, and what is refused. */
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import t, { type Test } from 'tap'
import { Broker } from '../../broker/broker.ts'
import { claimEndpoint } from '../../broker/claim-endpoint.ts'
import { brokerConfig } from '../../broker/config.ts'
import { connect } from '../../clients/sdk/index.ts'
import { resolvePlaces } from '../../protocol/endpoints.ts'
import { newKeyPair } from '../../protocol/keys/key-pair.ts'
import { ownKeys, readKeys, writeKeys } from '../../protocol/process/key-file.ts'
import {
  closedDirectory,
  distrustOf,
  foreign,
  notOwnDirectory,
  privateDirectory,
  trustedDirectory,
} from '../../protocol/process/private-place.ts'
import { LiveBroker } from '../support/live-broker.ts'

/** Somebody else, as far as files go; only root can give files away. */
const STRANGER = 12_345
const canGiveAway = process.geteuid?.() === 0
const asRoot = canGiveAway ? {} : { skip: 'only root can give files to another user' }

function temporary(t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'amq-'))
  t.teardown(() => rmSync(dir, { recursive: true, force: true }))
  return dir
}

function directory(t: Test, mode: number): string {
  const dir = join(temporary(t), 'place')
  mkdirSync(dir)
  chmodSync(dir, mode)
  return dir
}

const modeOf = (path: string): number => lstatSync(path).mode & 0o7777
const silent = pino({ level: 'silent' })

t.test('a directory that is missing is made for this user alone, whatever the umask', async (t) => {
  const umask = process.umask(0)
  t.teardown(() => process.umask(umask))
  const place = join(temporary(t), 'a', 'run')
  t.equal(closedDirectory(place), false, 'it did not have to be closed')
  t.equal(modeOf(place), 0o700)
})

t.test('our own directory is closed when others could enter it', async (t) => {
  const place = directory(t, 0o755)
  t.equal(closedDirectory(place), true)
  t.equal(modeOf(place), 0o700)
  t.equal(closedDirectory(place), false)
})

t.test(
  'a directory that somebody named is refused with what to do, and left as it is',
  async (t) => {
    const place = directory(t, 0o750)
    t.throws(() => privateDirectory(place), {
      code: 'BAD_CONFIG',
      message: new RegExp(`others may enter it \\(mode 750\\).*chmod 700 ${place}`),
    })
    t.equal(modeOf(place), 0o750)
  },
)

t.test('a symbolic link, or a file, in place of the directory is refused', async (t) => {
  const place = directory(t, 0o700)
  const link = `${place}.link`
  symlinkSync(place, link)
  t.throws(() => closedDirectory(link), { code: 'BAD_CONFIG', message: /symbolic link/ })
  const file = `${place}.file`
  writeFileSync(file, '')
  t.throws(() => closedDirectory(file), { code: 'BAD_CONFIG' })
})

t.test('what belongs to another user is refused, and root is nobody else', async (t) => {
  const of = (uid: number) => ({
    uid,
    mode: 0o40700,
    isDirectory: () => true,
    isSymbolicLink: () => false,
  })
  t.match(notOwnDirectory(of(1001), 1000), /belongs to user 1001, and this is user 1000/)
  t.match(notOwnDirectory(of(1000), 0), /belongs to user 1000/, 'root is careful as well')
  t.equal(notOwnDirectory(of(1000), 1000), undefined)
  t.match(foreign(of(1001), 1000), /belongs to user 1001/)
  t.equal(foreign(of(0), 1000), undefined)
  t.equal(foreign(of(1001), undefined), undefined, 'where users have no numbers')
})

t.test('files are not kept where anybody may write', async (t) => {
  const open = directory(t, 0o777)
  t.throws(() => trustedDirectory(open), { code: 'BAD_CONFIG', message: /anybody may write/ })
  chmodSync(open, 0o1777)
  t.doesNotThrow(() => trustedDirectory(open), 'where nobody can take away what is another’s')
  t.doesNotThrow(() => trustedDirectory(join(open, 'missing')))
})

t.test('a directory of another user is refused for state and for sockets', asRoot, async (t) => {
  const place = directory(t, 0o700)
  chownSync(place, STRANGER, STRANGER)
  const says = { code: 'BAD_CONFIG', message: /belongs to user 12345/ }
  t.throws(() => closedDirectory(place), says)
  t.throws(() => trustedDirectory(place), says)
  const config = brokerConfig({ flags: { dir: place }, env: {} })
  t.throws(() => new Broker(config, silent), says)
})

t.test('the sockets of a broker are for its user alone, also under a wide umask', async (t) => {
  const umask = process.umask(0)
  t.teardown(() => process.umask(umask))
  const config = brokerConfig({ flags: { dir: temporary(t) }, env: {} })
  const broker = new Broker(config, silent)
  t.teardown(() => broker.stop())
  await broker.start()
  const { runtimeDir } = config.places
  t.equal(modeOf(runtimeDir), 0o700)
  for (const name of ['broker.sock', 'streams.sock']) {
    const { mode } = statSync(join(runtimeDir, name))
    t.equal(mode & 0o077, 0, name)
  }
  t.equal(process.umask(), 0, 'the umask of the process is what it was')
})

t.test('a broker closes its directory, and says so', async (t) => {
  const config = brokerConfig({ flags: { dir: temporary(t) }, env: {} })
  mkdirSync(config.places.runtimeDir)
  chmodSync(config.places.runtimeDir, 0o777)
  const lines: string[] = []
  const log = pino({ level: 'warn' }, { write: (line: string) => lines.push(line) })
  const broker = new Broker(config, log)
  t.teardown(() => broker.stop())
  await broker.start()
  t.equal(modeOf(config.places.runtimeDir), 0o700)
  t.match(lines.join(''), /others could enter the directory/)
})

t.test('an endpoint in an open directory that is not ours is refused', async (t) => {
  const place = directory(t, 0o755)
  const endpoint = `ipc://${join(place, 'b.sock')}`
  t.throws(() => claimEndpoint(endpoint, { runtimeDir: join(place, 'run') }), {
    code: 'BAD_CONFIG',
    message: /chmod 700/,
  })
  t.notOk(existsSync(join(place, 'b.sock.owner')), 'nothing was claimed')
})

t.test('sockets without a file, and paths too long for one, are refused', async (t) => {
  for (const endpoint of ['ipc://@agentmq', 'ipc://*']) {
    t.throws(() => resolvePlaces({ HOME: '/h' }, { endpoint }), {
      code: 'BAD_CONFIG',
      message: /no path of a socket file/,
    })
  }
  const endpoint = `ipc:///${'d'.repeat(107)}`
  t.throws(() => resolvePlaces({ HOME: '/h' }, { endpoint }), {
    message: /^endpoint: the socket path .* has 108 bytes, 107 are allowed; choose a shorter/,
  })
  const flags = { dir: temporary(t), 'streams-endpoint': endpoint }
  t.throws(() => brokerConfig({ flags, env: {} }), { message: /^streams_endpoint: .*108 bytes/ })
  const dir = `/${'d'.repeat(200)}`
  const remote = resolvePlaces({}, { dir, endpoint: 'tcp://a:1' })
  t.equal(remote.stateDir, dir, 'who needs no socket has no limit')
})

t.test(
  'a client does not believe a socket of another user, unless it is told to',
  asRoot,
  async (t) => {
    const broker = await LiveBroker.start(t)
    const { runtimeDir } = resolvePlaces({}, { dir: broker.dir })
    for (const path of [join(runtimeDir, 'broker.sock'), runtimeDir]) {
      chownSync(path, STRANGER, STRANGER)
      await t.rejects(connect({ dir: broker.dir }), {
        code: 'BAD_CONFIG',
        where: 'client',
        message: /belongs to user 12345, .*--foreign-socket/,
      })
      const client = await connect({ dir: broker.dir, foreignSocket: true })
      await client.close()
      chownSync(path, 0, 0)
    }
  },
)

t.test(
  'a peer asks again at each WELCOME: the socket may be another one by then',
  asRoot,
  async (t) => {
    const broker = await LiveBroker.start(t)
    const client = await broker.connect(t)
    const { endpoint } = resolvePlaces({}, { dir: broker.dir })
    const refused = new Promise((resolve) => {
      client.onStatus((status) => status.type === 'refused' && resolve(status.error))
    })
    await broker.stop()
    await broker.start()
    chownSync(endpoint.slice('ipc://'.length), STRANGER, STRANGER)
    t.match(await refused, { code: 'BAD_CONFIG', message: /belongs to user 12345/ })
    await client.closed
  },
)

t.test('nothing is asked of an endpoint without a file', async (t) => {
  t.equal(distrustOf('tcp://127.0.0.1:1', {}), undefined)
  t.equal(distrustOf('ipc:///x', { foreign_socket: true }), undefined)
  t.equal(distrustOf(`ipc://${join(temporary(t), 'none', 'x')}`, {})?.(), undefined)
})

t.test('a key file is made for its owner alone, in a directory of its own', async (t) => {
  const umask = process.umask(0)
  t.teardown(() => process.umask(umask))
  const path = join(temporary(t), 'keys', 'client.key')
  const pair = ownKeys(path, randomBytes)
  t.equal(modeOf(path), 0o600)
  t.equal(modeOf(join(path, '..')), 0o700)
  t.same(ownKeys(path, randomBytes), pair, 'the second time it is read')
})

t.test('a key file that others may read is refused, without its secret in the text', async (t) => {
  const path = join(temporary(t), 'client.key')
  const { secretKey } = ownKeys(path, randomBytes)
  for (const mode of [0o640, 0o604, 0o660]) {
    chmodSync(path, mode)
    t.throws(() => readKeys(path), {
      code: 'BAD_CONFIG',
      message: new RegExp(`others may read it \\(mode ${mode.toString(8)}\\); say chmod 600`),
    })
  }
  chmodSync(path, 0o400)
  t.equal(readKeys(path)?.current.secretKey, secretKey, 'less than 600 is fine')
})

t.test('a key file of another user is refused', asRoot, async (t) => {
  const path = join(temporary(t), 'client.key')
  ownKeys(path, randomBytes)
  chownSync(path, STRANGER, STRANGER)
  t.throws(() => readKeys(path), { code: 'BAD_CONFIG', message: /belongs to user 12345/ })
})

t.test('what is no key file is said so, and nothing of it is quoted', async (t) => {
  const path = join(temporary(t), 'client.key')
  const { secretKey } = newKeyPair(randomBytes)
  const stranger = newKeyPair(randomBytes).publicKey
  const wrong = [
    secretKey,
    JSON.stringify({ agentmq_key: 2, public: stranger, secret: secretKey }),
    JSON.stringify({ agentmq_key: 1, public: stranger, secret: secretKey }),
  ]
  for (const text of wrong) {
    writeFileSync(path, text, { mode: 0o600 })
    try {
      readKeys(path)
      t.fail(text)
    } catch (thrown) {
      t.match(thrown, { code: 'BAD_CONFIG', details: { source: path } })
      t.notOk(String(thrown).includes(secretKey))
    }
  }
})

t.test('a key file is replaced whole, and with the same rights', async (t) => {
  const path = join(temporary(t), 'broker.key')
  const current = ownKeys(path, randomBytes)
  const next = newKeyPair(randomBytes)
  writeKeys(path, { current, next })
  t.same(readKeys(path), { current, next })
  t.equal(modeOf(path), 0o600)
  t.match(JSON.parse(readFileSync(path, 'utf8')), { agentmq_key: 1, public: current.publicKey })
})
