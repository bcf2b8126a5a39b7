import { spawn } from 'node:child_process'
import { EventEmitter, once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { table } from '../real/capability-table.ts'
import { CLIS, cacheFolder, findCli, STAMP, skipReason, wantedVersion } from '../real/clis.ts'
import { withLock } from '../real/lock.ts'

const { package: packageName, executable, platform } = CLIS.claude
const version = wantedVersion('claude')
const skip = skipReason('claude')
const notLinux = process.platform !== 'linux' && 'the lock is a Linux socket'

/** A cache in which claude stands, with this version on its stamp. */
function cacheWith(stamped: string) {
  const program = { [executable]: '' }
  const [scope = '', name = ''] = packageName.split('/')
  const stamp = JSON.stringify({ version: stamped })
  return { claude: { [STAMP]: stamp, node_modules: { [scope]: { [name]: program } } } }
}

t.test('the version is exact', async (t) => {
  t.match(version, /^\d+\.\d+\.\d+$/)
})

t.test('the cache is where the environment says, else where caches are', async (t) => {
  t.equal(cacheFolder({ AGENTMQ_REAL_CACHE: '/a', XDG_CACHE_HOME: '/b' }), '/a')
  t.equal(cacheFolder({ AGENTMQ_REAL_CACHE: '', XDG_CACHE_HOME: '/b' }), '/b/agentmq/real-cli')
  t.match(cacheFolder({}), /\.cache\/agentmq\/real-cli$/)
})

t.test('a complete installation of the wanted version is ready', { skip }, async (t) => {
  const cache = t.testdir(cacheWith(version))
  const path = join(cache, 'claude', 'node_modules', packageName, executable)
  t.same(findCli('claude', cache), { state: 'ready', version, path })
})

t.test(
  'an installation that is not there, not whole or of another version is absent',
  { skip },
  async (t) => {
    t.match(findCli('claude', t.testdir({})), { state: 'absent', reason: /is not installed/ })
    t.match(findCli('claude', t.testdir(cacheWith('0.0.1'))), { reason: /is there as 0\.0\.1/ })
    const noProgram = t.testdir({ claude: { [STAMP]: JSON.stringify({ version }) } })
    t.match(findCli('claude', noProgram), { state: 'absent' })
  },
)

t.test('only a foreign platform is a reason to skip', async (t) => {
  const here = `${process.platform}-${process.arch}`
  t.equal(skip === false, here === platform)
})

t.test('the second holder of a lock waits for the first', { skip: notLinux }, async (t) => {
  const order: string[] = []
  const name = t.testdir()
  const gate = new EventEmitter()
  const opened = once(gate, 'open')
  const holding = withLock(name, async () => {
    order.push('first holds')
    await opened
    order.push('first leaves')
  })
  const next = withLock(
    name,
    async () => order.push('second holds'),
    () => {
      order.push('second waits')
      gate.emit('open')
    },
  )
  await Promise.all([holding, next])
  t.same(order, ['first holds', 'second waits', 'first leaves', 'second holds'])
})

t.test('a lock is free again when the work under it fails', { skip: notLinux }, async (t) => {
  const name = t.testdir()
  await t.rejects(
    withLock(name, () => Promise.reject(new Error('broken'))),
    /broken/,
  )
  t.equal(await withLock(name, () => Promise.resolve('free')), 'free')
})

t.test('a lock is free again when its holder is killed', { skip: notLinux }, async (t) => {
  const name = t.testdir()
  const lock = new URL('../real/lock.js', import.meta.url).href
  const program = `import { withLock } from ${JSON.stringify(lock)}
    await withLock(process.argv[1], () => new Promise((resolve) => { console.log('held') }))`
  const holder = spawn(process.execPath, ['--input-type=module', '-e', program, name])
  const exit = once(holder, 'exit')
  await once(holder.stdout, 'data')
  const kill = () => holder.kill('SIGKILL')
  t.equal(await withLock(name, () => Promise.resolve('free'), kill), 'free')
  t.same(await exit, [null, 'SIGKILL'])
})

t.test('what was shown is a table with a row for each backend', async (t) => {
  const rows = table([
    ['codex', 'text'],
    ['codex', 'failures'],
    ['acp', 'tool'],
  ]).split('\n')
  t.match(rows[0], /^\| backend \| text \| .* \| failures \|$/)
  t.match(rows[2], /^\| `acp` \| {2}\| {2}\| yes \| /)
  t.match(rows[3], /^\| `codex` \| yes \| .*\| yes \|$/)
  t.equal(rows.length, 5)
})
