/** Attacks by peers that are welcome, on what is beyond their rights. */
import t from 'tap'
import { ROLE_SCOPES } from '../../protocol/methods/define.ts'
import { type BrokerMethod, METHODS } from '../../protocol/methods/index.ts'
import { AttackStage } from '../support/attack-stage.ts'
import { PARAMS } from '../support/method-params.ts'
import { worldState } from '../support/world-state.ts'
import { HostPeer } from '../support/zmtp/host-peer.ts'

const BROKER_METHODS = Object.keys(PARAMS) as BrokerMethod[]

/** A host of the network with one session on it, started by the admin. */
async function withSession(stage: AttackStage, name = 'hostess') {
  const own = await stage.principal(name, ['host'])
  const host = new HostPeer(await stage.welcomed(own, 'host'), name)
  await host.register()
  const creating = stage.admin.createSession({ backend: name })
  const session = await host.started()
  await creating
  return { own, host, session }
}

t.test('an observer changes nothing, by any method there is', async (t) => {
  const stage = await AttackStage.start(t)
  const { session, host } = await withSession(stage)
  const probed = host.probed()
  await stage.admin.call('task.create', { title: 'kept' })
  await stage.admin.call('state.set', { key: 'color', value: 'red' })
  const olga = await stage.welcomed(await stage.principal('olga', ['observer']))
  const before = await worldState(stage.admin)
  const changing = BROKER_METHODS.filter((method) => METHODS[method].scope !== 'read')
  t.ok(changing.length > 25, `${changing.length} methods`)
  for (const method of changing) {
    const params = PARAMS[method](session)
    t.equal(
      await olga.call(method, method, params, { key: `key of ${method}` }),
      'FORBIDDEN',
      method,
    )
  }
  for (const method of Object.keys(METHODS).filter((name) => name.startsWith('agent.'))) {
    t.equal(await olga.call(method, method, {}), 'UNKNOWN_METHOD', method)
  }
  for (const method of BROKER_METHODS.filter((name) => !changing.includes(name))) {
    if (METHODS[method].mutating) t.fail(`${method} changes something for readers`)
    await olga.call(method, method, PARAMS[method](session), { key: `key of ${method}` })
  }
  await probed
  t.equal(await worldState(stage.admin), before)
})

t.test('each role may do what its scopes say, and nothing else', async (t) => {
  const stage = await AttackStage.start(t)
  for (const role of ['observer', 'operator', 'host'] as const) {
    const peer = await stage.welcomed(await stage.principal(role, [role]), role)
    for (const method of BROKER_METHODS) {
      const isAllowed = ROLE_SCOPES[role].includes(METHODS[method].scope)
      if (isAllowed) continue
      t.equal(await peer.call(method, method, {}), 'FORBIDDEN', `${role} ${method}`)
    }
  }
})

t.test('nobody cancels or answers what others have asked', async (t) => {
  const stage = await AttackStage.start(t)
  const own = await stage.principal('hostess', ['host'])
  const host = new HostPeer(await stage.welcomed(own, 'host'), 'hostess')
  await host.register()
  const anna = await stage.welcomed(await stage.principal('anna', ['operator']))
  const mallory = await stage.welcomed(await stage.principal('mallory', ['admin']))
  const creating = anna.call('a1', 'session.create', { backend: 'hostess' })
  const { id, params } = await host.asked('agent.start')
  // The id of the call of anna, and that of the broker's request to the host.
  mallory.say({ head: { kind: 'CANCEL', id: 'a1' } })
  t.equal(await mallory.refusal(), 'CANCELLED', 'it has no such call')
  mallory.say(
    { head: { kind: 'REPLY', id }, body: { pid: 666, native_session_id: 'x', cwd: '/etc' } },
    {
      head: { kind: 'ERROR', id },
      body: { code: 'X', message: '', executed: 'no', where: 'host', retryable: false },
    },
  )
  t.match(await mallory.call('m1', 'system.info', {}), { epoch: 1 }, 'all of it was read')
  host.reply(id, { pid: 1, native_session_id: params.native_session_id, cwd: '/work' })
  t.match(await creating, { cwd: '/work', status: 'idle' })
})

t.test('a key of a request is one of its principal alone', async (t) => {
  const stage = await AttackStage.start(t)
  const anna = await stage.welcomed(await stage.principal('anna', ['operator']))
  const mallory = await stage.welcomed(await stage.principal('mallory', ['operator']))
  const key = 'the same for both'
  t.match(await anna.call('1', 'task.create', { title: 'secret' }, { key }), { owner: 'anna' })
  t.match(await mallory.call('1', 'task.create', { title: 'secret' }, { key }), {
    owner: 'mallory',
  })
  t.match(await mallory.call('2', 'task.create', { title: 'other' }, { key }), 'CONFLICT')
  t.match(await mallory.call('3', 'task.create', { title: 'own' }, { key: `anna\n${key}` }), {
    owner: 'mallory',
  })
})

t.test('only a gateway acts for others, and for nobody that is not known', async (t) => {
  const stage = await AttackStage.start(t)
  await stage.principal('anna', ['operator'])
  await stage.principal('gone', ['operator'])
  await stage.admin.call('key.revoke', { principal: 'gone' })
  const mallory = await stage.welcomed(await stage.principal('mallory', ['operator']))
  t.equal(await mallory.call('1', 'task.create', { title: 'x' }, { user: 'anna' }), 'FORBIDDEN')
  const gate = await stage.welcomed(await stage.principal('gate', ['gateway']), 'gateway')
  for (const user of ['nobody', 'local', 'gone', '__proto__', 'constructor']) {
    t.equal(await gate.call(user, 'session.list', {}, { user }), 'FORBIDDEN', user)
  }
  const { owner } = (await gate.call('1', 'task.create', { title: 'x' }, { user: 'anna' })) as {
    owner: string
  }
  t.equal(owner, 'anna')
})

t.test('nobody administers through a gateway', async (t) => {
  const stage = await AttackStage.start(t)
  await stage.principal('root', ['admin'])
  const gate = await stage.welcomed(await stage.principal('gate', ['gateway']), 'gateway')
  const before = await worldState(stage.admin)
  for (const method of BROKER_METHODS.filter((name) => METHODS[name].scope === 'admin')) {
    t.equal(
      await gate.call(method, method, PARAMS[method](''), { user: 'root' }),
      'FORBIDDEN',
      method,
    )
  }
  t.equal(await worldState(stage.admin), before)
})

t.test('a host writes to no session but its own, and not under a lease that is over', async (t) => {
  const stage = await AttackStage.start(t)
  const { host, session } = await withSession(stage)
  const other = new HostPeer(
    await stage.welcomed(await stage.principal('evil', ['host']), 'host'),
    'evil',
  )
  other.append(session, 'before it is registered')
  t.equal(await other.peer.refusal(), 'FORBIDDEN')
  await other.register()
  for (const epoch of [0, 1, 2, 1_000_000]) {
    other.append(session, 'forged', { epoch })
    t.equal(await other.peer.refusal(), 'FENCED', `epoch ${epoch}`)
  }
  for (const epoch of [0, 2]) {
    host.append(session, 'of another life', { epoch })
    t.equal(await host.peer.refusal(), 'FENCED', `its own, epoch ${epoch}`)
  }
  for (const stream of ['@events', '@audit', '../x', '']) {
    host.append(stream, 'forged')
    t.not(await host.peer.refusal(), 'closed', stream)
  }
  const { chunks } = await stage.admin.call('stream.read', { session, from: 1 })
  const text = chunks.map(([, , , , body]) => String(body)).join()
  t.notMatch(text, /forged|another life/)
})

t.test('a host takes over no id of another, and reads nothing', async (t) => {
  const stage = await AttackStage.start(t)
  const { session } = await withSession(stage)
  const evil = await stage.principal('evil', ['host'])
  const thief = new HostPeer(await stage.welcomed(evil, 'host'), 'hostess')
  t.equal(await thief.register(), 'HOST_TAKEN')
  const reported = { session, epoch: 1, produced: 0, turn: 0, pid: 1 }
  t.equal(await thief.register(reported), 'HOST_TAKEN')
  thief.append(session, 'forged')
  t.equal(await thief.peer.refusal(), 'FORBIDDEN')
  for (const method of ['stream.read', 'stream.open', 'session.get', 'output.query'] as const) {
    t.equal(await thief.peer.call(method, method, PARAMS[method](session)), 'FORBIDDEN', method)
  }
  t.match(await stage.admin.call('host.get', { host: 'hostess' }), { status: 'online' })
})
