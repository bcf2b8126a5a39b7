/**
 * Principals of different roles in processes of their own, over tcp with CURVE: each does exactly what its role
 * says, in calls, streams, replay, figures and errors.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import type { Client } from '../../clients/sdk/index.ts'
import type { Role } from '../../protocol/messages/handshake.ts'
import { type BrokerMethod, METHODS } from '../../protocol/methods/index.ts'
import { turn } from '../support/chunks.ts'
import { Cluster } from '../support/cluster.ts'
import { addedPeer, doorOf, LISTEN } from '../support/remote-peers.ts'
import type { Orders, Outcome, Told } from '../support/role-peer.ts'
import { chanceOf, sample } from '../support/sample.ts'
import { seededRandom } from '../support/virtual-clock.ts'

const PEER = fileURLToPath(new URL('../support/role-peer.js', import.meta.url))

// Written out, so that no change of a scope goes unnoticed; a new method has to be put somewhere.
const READ: readonly BrokerMethod[] = [
  'session.get',
  'session.list',
  'stream.open',
  'stream.read',
  'stream.close',
  'stream.progress',
  'stream.readers',
  'approval.list',
  'host.list',
  'host.get',
  'output.query',
  'workflow.get',
  'workflow.list',
  'task.get',
  'task.list',
  'state.get',
  'session.probe',
  'state.list',
  'system.info',
  'system.health',
  'system.metrics',
]
const CONTROL: readonly BrokerMethod[] = [
  'session.create',
  'session.prompt',
  'session.interrupt',
  'session.stop',
  'session.kill',
  'session.recover',
  'session.remove',
  'session.rename',
  'session.annotate',
  'session.pause',
  'session.resume',
  'session.signal',
  'session.write',
  'session.set_mode',
  'session.batch',
  'approval.answer',
  'host.drain',
  'host.undrain',
  'workflow.execute',
  'workflow.cancel',
  'task.create',
  'task.update',
  'task.approve',
  'task.remove',
  'state.set',
  'state.delete',
]
const HOST: readonly BrokerMethod[] = ['host.register', 'host.usage']
const ADMIN: readonly BrokerMethod[] = [
  'audit.read',
  'key.add',
  'key.list',
  'key.pending',
  'key.approve',
  'key.revoke',
  'key.rotate',
]
const ALL = [...READ, ...CONTROL, ...HOST, ...ADMIN]

/** What such a call changes, when it is let in, hurts nobody. */
const HARMLESS: Readonly<Record<string, unknown>> = {
  session: 'no-such-session',
  approval: 'no-such-approval',
  execution: 'no-such-execution',
  task: 'no-such-task',
  host: 'no-such-host',
  ticket: 'no-such-ticket',
  positions: [['no-such-ticket', 0]],
  backend: 'no-such-backend',
  steps: [{ id: 'a', session: 'no-such-session', prompt: 'x' }],
  action: 'session.stop',
  key: 'no-such-key',
  step: 'abandon',
  cursor: '1',
  slots: 0,
}

function callsOf(): Orders['calls'] {
  const chance = chanceOf(seededRandom(1))
  return ALL.map((method) => {
    const own = {
      'session.batch': { sessions: ['no-such-session'] },
      'host.register': { sessions: [] },
    }
    const meant = { ...HARMLESS, ...(own as Readonly<Record<string, object>>)[method] }
    // A principal is added without a key, and one that does not exist is revoked.
    const meaning = (name: string) =>
      method === 'key.add' && name === 'key' ? undefined : meant[name as keyof typeof meant]
    return [method, sample(METHODS[method].params, { chance, meaning, optionals: 0 }) as object]
  })
}

/** A peer that tells what it finds, line by line. */
class RolePeer {
  readonly #process: ChildProcess
  readonly #lines: AsyncIterator<string>
  #said = ''

  constructor(t: Test, orders: Orders) {
    this.#process = spawn(process.execPath, [PEER, JSON.stringify(orders)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const { stdout, stderr } = this.#process
    if (!stdout || !stderr) throw new Error('it has no output')
    stderr.on('data', (data: Buffer) => {
      this.#said += data.toString()
    })
    this.#lines = createInterface({ input: stdout })[Symbol.asyncIterator]()
    t.teardown(() => this.#process.kill('SIGKILL'))
  }

  /** What it tells next, which is this. */
  async next<T extends Told['told']>(told: T): Promise<Extract<Told, { told: T }>> {
    const { value, done } = await this.#lines.next()
    if (done === true) throw new Error(`the peer ended before ${told}: ${this.#said}`)
    const line = JSON.parse(value) as Told
    if (line.told !== told) throw new Error(`${line.told} in place of ${told}: ${value}`)
    return line as Extract<Told, { told: T }>
  }

  async ended(): Promise<unknown> {
    if (this.#process.exitCode === null) await once(this.#process, 'exit')
    return this.#process.exitCode
  }
}

async function stage(t: Test) {
  const cluster = await Cluster.make(t)
  const broker = await cluster.broker({ args: [...LISTEN] })
  await cluster.host()
  const admin = await cluster.connect()
  const session = await admin.createSession({ backend: 'demo' })
  await turn(session, 'what was')
  const peer = async (principal: string, roles: readonly Role[], user?: string) => {
    const { place } = await addedPeer(t, { cluster, door: doorOf(broker) }, principal, roles)
    const [role] = roles
    const orders = { calls: callsOf(), session: session.id, turn: 2, ...(user && { user }) }
    return new RolePeer(t, { ...orders, place: { ...place, role } })
  }
  return { admin, session, peer }
}

function allowed(outcomes: Readonly<Record<string, Outcome>>): readonly string[] {
  return ALL.filter((method) => outcomes[method]?.code !== 'FORBIDDEN')
}

/** All that calls could have changed. */
async function everything(admin: Client): Promise<unknown> {
  const { principals } = await admin.call('key.list', {})
  const { sessions } = await admin.call('session.list', {})
  return {
    principals: principals.map(({ connections: _, ...rest }) => rest),
    sessions: sessions.map(({ usage: _, ...rest }) => rest), // measured again and again
    tasks: await admin.call('task.list', {}),
    state: await admin.call('state.list', { values: true }),
    workflows: (await admin.call('workflow.list', {})).total,
    events: (await admin.call('stream.read', { session: '@events', from: 1 })).head,
  }
}

t.test('every method is in one of the lists', (t) => {
  const all = Object.entries(METHODS).filter(([, { answeredBy }]) => answeredBy === 'broker')
  t.strictSame([...ALL].sort(), all.map(([name]) => name).sort())
  t.end()
})

t.test('an observer, an operator and an admin each do what they may', async (t) => {
  const { admin, session, peer } = await stage(t)
  const before = await everything(admin)
  const olga = await peer('olga', ['observer'])
  t.match(await olga.next('welcome'), { principal: 'olga', roles: ['observer'] })
  const { outcomes } = await olga.next('calls')
  t.strictSame(allowed(outcomes), READ)
  t.match(outcomes['session.prompt']?.error, {
    code: 'FORBIDDEN',
    message: 'olga lacks the scope control for session.prompt',
    details: { principal: 'olga', scope: 'control', method: 'session.prompt' },
    executed: 'no',
    where: 'broker',
    retryable: false,
  })
  t.match(outcomes['session.get'], { code: 'NO_SUCH_SESSION' })
  t.match(outcomes['system.metrics'], { code: 'OK' })
  const after = (await everything(admin)) as { readonly principals: readonly object[] }
  const principals = after.principals.filter(
    (one) => !('principal' in one && one.principal === 'olga'),
  )
  t.strictSame({ ...after, principals }, before, 'it changed nothing')

  const oscar = await peer('oscar', ['operator'])
  t.match(await oscar.next('welcome'), { roles: ['operator'] })
  t.strictSame(allowed((await oscar.next('calls')).outcomes), [...READ, ...CONTROL])

  const ada = await peer('ada', ['admin'])
  t.match(await ada.next('welcome'), { roles: ['admin'] })
  const adas = (await ada.next('calls')).outcomes
  t.strictSame(allowed(adas), ALL)
  t.match([adas['key.list']?.code, adas['key.add']?.code], ['OK', 'OK'])

  const peers = [olga, oscar, ada]
  for (const one of peers) await one.next('live')
  await turn(session, 'what comes')
  const { head } = await session.refresh()
  for (const one of peers) {
    t.match(await one.next('followed'), { outcome: { code: 'OK' }, sequences: head })
    t.match(await one.next('replayed'), { outcome: { code: 'OK' }, sequences: head })
    t.equal(await one.ended(), 0)
  }
})

t.test('a host is a host and no more', async (t) => {
  const { peer } = await stage(t)
  const host = await peer('machine', ['host'])
  t.match(await host.next('welcome'), { roles: ['host'] })
  const { outcomes } = await host.next('calls')
  t.strictSame(allowed(outcomes), HOST)
  t.match(outcomes['host.register'], { code: 'OK' })
  t.match(await host.next('followed'), { outcome: { code: 'FORBIDDEN' }, sequences: 0 })
  t.match(await host.next('replayed'), { outcome: { code: 'FORBIDDEN' }, sequences: 0 })
})

t.test('a gateway does nothing for itself, and for a user what that user may', async (t) => {
  const { admin, session, peer } = await stage(t)
  const nobody = await peer('web', ['gateway'])
  t.match(await nobody.next('welcome'), { roles: ['gateway'] })
  t.strictSame(allowed((await nobody.next('calls')).outcomes), [])
  t.match(await nobody.next('followed'), { outcome: { code: 'FORBIDDEN' } })
  await admin.call('key.add', { principal: 'olga', roles: ['observer'] })
  await admin.call('key.add', { principal: 'ada', roles: ['admin'] })
  const rows = [
    ['olga', READ],
    ['ada', [...READ, ...CONTROL]],
    ['nobody', []],
  ] as const
  for (const [user, methods] of rows) {
    const acting = await peer(`web-${user}`, ['gateway'], user)
    await acting.next('welcome')
    t.strictSame(allowed((await acting.next('calls')).outcomes), methods, user)
    if (methods.length === 0) continue
    await acting.next('live')
    await turn(session, user)
  }
})

t.test('with reach own the same roles are for what is one’s own', async (t) => {
  const { admin, peer } = await stage(t)
  await admin.call('key.add', { principal: 'oscar', reach: 'own' })
  const acting = await peer('oscar', ['operator'])
  await acting.next('welcome')
  const { outcomes } = await acting.next('calls')
  t.ok(allowed(outcomes).includes('session.create'))
  t.match(await acting.next('followed'), { outcome: { code: 'NO_SUCH_SESSION' }, sequences: 0 })
  t.match(await acting.next('replayed'), { outcome: { code: 'NO_SUCH_SESSION' }, sequences: 0 })
})
