/** The HTTP port for users: a token names who asks, and each has to do with what the broker says. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { SignJWT } from 'jose'
import t, { type Test } from 'tap'
import type { Client } from '../../clients/sdk/index.ts'
import { ownKeys } from '../../protocol/process/key-file.ts'
import { AttachClient } from '../support/attach-client.ts'
import { until } from '../support/chunks.ts'
import { Cluster, type Part } from '../support/cluster.ts'
import { LISTEN, doorOf as networkOf } from '../support/remote-peers.ts'
import { doorOf, get, serverSentEvents, WsReader } from '../support/shim-clients.ts'

const SECRET = 'a secret of this test'
const AUTH = ['--enable-auth', '--jwt-secret', SECRET, '--api-key', 'sesame']
const TYPES = ['--agent-types', '{"*":"demo","chat":"demo"}']

interface Reply {
  readonly result?: Readonly<Record<string, unknown>>
  readonly error?: { readonly code: number; readonly message: string }
}

function tokenOf(sub: string): Promise<string> {
  const now = Math.floor(Date.now() / 1000)
  return new SignJWT({ sub, iat: now, exp: now + 3600, scope: ['*'] })
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(SECRET))
}

/** Somebody who asks over HTTP. */
class User {
  readonly token: string
  readonly #url: string

  constructor(url: string, token: string) {
    this.#url = url
    this.token = token
  }

  async call(method: string, params: unknown = {}): Promise<Reply> {
    const response = await fetch(this.#url, {
      method: 'POST',
      body: JSON.stringify({ jsonrpc: '2.0', method, params, id: 1 }),
      headers: { authorization: `Bearer ${this.token}` },
    })
    return (await response.json()) as Reply
  }

  async spawn(name: string): Promise<string> {
    const config = { task: `task of ${name}` }
    const { result } = await this.call('agent.spawn', { name, agent_type: 'x', config })
    return String(result?.['agent_id'])
  }

  async agents(): Promise<readonly unknown[]> {
    const { result } = await this.call('agent.list')
    const agents = (result?.['agents'] ?? []) as readonly { readonly name: unknown }[]
    return agents.map(({ name }) => name)
  }

  stream(session: string) {
    return get(`${this.#url}/sessions/${session}/stream`, { authorization: `Bearer ${this.token}` })
  }

  socket(t: Test, path: string): Promise<WsReader> {
    const url = `${this.#url.replace('http', 'ws')}${path}?auth_token=${this.token}`
    return WsReader.open(t, url)
  }
}

const userOf = async (shim: Part, name: string): Promise<User> =>
  new User(doorOf(shim, 'http'), await tokenOf(name))

async function untilSaid(socket: WsReader, word: string): Promise<void> {
  for (;;) {
    const message = await socket.next()
    if (message === undefined) throw new Error(`closed before ${word}`)
    if (JSON.stringify(message).includes(word)) return
  }
}

async function addUsers(admin: Client): Promise<void> {
  for (const principal of ['anna', 'bob']) {
    await admin.call('key.add', { principal, roles: ['operator'], reach: 'own' })
  }
  await admin.call('key.add', { principal: 'olga', roles: ['observer'] })
}

async function start(t: Test, ...args: readonly string[]) {
  const { cluster } = await Cluster.start(t)
  const admin = await cluster.connect()
  await addUsers(admin)
  const shim = await cluster.shim({ args: [...TYPES, ...AUTH, ...args] })
  return { cluster, admin, shim }
}

t.test('two users with reach own know nothing of each other', async (t) => {
  const { admin, shim } = await start(t, '--act-for-users')
  const [anna, bob, olga] = [
    await userOf(shim, 'anna'),
    await userOf(shim, 'bob'),
    await userOf(shim, 'olga'),
  ]
  const agent_id = await anna.spawn('agent of anna')
  await bob.spawn('agent of bob')
  await until(admin.follow(agent_id), ({ type }) => type === 'turn_complete')

  t.test('in lists and figures', async (t) => {
    t.match(await admin.call('session.get', { session: agent_id }), { owner: 'anna' })
    t.strictSame(await anna.agents(), ['agent of anna'])
    t.strictSame(await bob.agents(), ['agent of bob'])
    t.equal((await olga.agents()).length, 2)
    t.equal((await new User(doorOf(shim, 'http'), 'sesame').agents()).length, 2)
    t.match(await bob.call('system.metrics'), { result: { agents: { total: 1 } } })
    t.match(await bob.call('system.health'), { result: { status: 'healthy' } })
  })

  t.test('by id', async (t) => {
    const notFound = { error: { code: -32002, message: `Agent not found: ${agent_id}` } }
    for (const method of ['logs', 'kill', 'pause', 'resume', 'attach.request']) {
      t.match(await bob.call(`agent.${method}`, { agent_id }), notFound, method)
    }
    const config = { prompt: 'x' }
    const steps = { workflow_id: 'w', agents: [agent_id], config }
    t.match(await bob.call('workflow.execute', steps), notFound)
    t.match((await anna.call('agent.logs', { agent_id })).result, { agent_id })
  })

  t.test('in chats', async (t) => {
    const created = await anna.call('chat.create', {})
    const session_id = created.result?.['session_id']
    const none = { error: { message: 'Internal server error: Session not found' } }
    t.match(await bob.call('chat.prompt', { session_id, prompt: 'x' }), none)
    t.match(await bob.call('chat.upgrade_to_agent', { session_id }), none)
    t.match(await bob.call('chat.list'), { result: { sessions: [] } })
    await bob.call('chat.stop', { session_id })
    t.match(await anna.call('chat.list'), { result: { sessions: [{ session_id }] } })
    t.match(await admin.call('session.get', { session: String(session_id) }), {
      status: 'created',
    })
  })

  t.test('in streams', async (t) => {
    t.equal((await bob.stream(agent_id)).statusCode, 404)
    await t.rejects(bob.socket(t, `/sessions/${agent_id}/stream`), { message: /404/ })
    const own = await anna.stream(agent_id)
    t.equal((await serverSentEvents(own).next()).value?.id, 1)
    own.destroy()
    const socket = await anna.socket(t, `/sessions/${agent_id}/stream`)
    t.match(await socket.next(), { seq: 1 })
    socket.socket.terminate()
  })

  t.test('in what belongs to everybody', async (t) => {
    t.match(await bob.call('state.query'), { error: { code: -32001, message: /reach all/ } })
    t.match(await olga.call('state.query'), { result: { state: {} } })
    await t.rejects(bob.socket(t, '/events'), { message: /403/ })
    const events = await olga.socket(t, '/events')
    events.socket.send('{"type":"Subscribe","payload":{"filter":null}}')
    await untilSaid(events, 'SubscriptionConfirmed')
    await anna.spawn('another')
    await untilSaid(events, 'spawned')
    await admin.call('key.add', { principal: 'olga', reach: 'own' })
    while ((await events.next()) !== undefined);
    t.pass('a user that may not hear it any more is cut off')
  })

  t.test('and nobody may do more than its role says', async (t) => {
    t.match(await olga.call('agent.kill', { agent_id }), { error: { code: -32002 } })
    const spawn = { name: 'x', agent_type: 'x', config: {} }
    t.match(await olga.call('agent.spawn', spawn), {
      error: { message: /lacks the scope control/ },
    })
    for (const name of ['nobody', 'local', '', 'a'.repeat(200), 'x\ny']) {
      const stranger = await userOf(shim, name)
      t.match(await stranger.call('agent.list'), { error: { code: -32001 } }, JSON.stringify(name))
    }
    t.strictSame(await anna.agents(), ['another', 'agent of anna'], 'and the shim goes on')
  })
})

/** Paths and ids by which somebody might ask for what the broker keeps for itself. */
const OWN_STREAMS = ['@audit', '%40audit', '@events', '%40workflow%2Fx']
const OWN_METHODS = [
  'key.list',
  'key.add',
  'stream.read',
  'stream.open',
  'output.query',
  'state.set',
]

t.test('the streams and methods of the broker itself are at no door, whoever asks', async (t) => {
  const { shim } = await start(t, '--act-for-users')
  const itself = new User(doorOf(shim, 'http'), 'sesame') // an admin to the broker
  for (const user of [itself, await userOf(shim, 'olga'), await userOf(shim, 'anna')]) {
    for (const name of OWN_STREAMS) {
      const response = await user.stream(name)
      response.destroy()
      t.equal(response.statusCode, 404, name)
      await t.rejects(user.socket(t, `/sessions/${name}/stream`), { message: /404/ })
      const logs = await user.call('agent.logs', { agent_id: name })
      t.match(logs, { error: { code: -32002 } })
      const chat = await user.call('chat.prompt', { session_id: name, prompt: 'x' })
      t.match(chat, { error: { code: -32700, message: /Invalid session_id/ } })
    }
    for (const method of OWN_METHODS) {
      t.match(await user.call(method, { session: '@audit' }), { error: { code: -32601 } }, method)
    }
  }
})

t.test('a user that is revoked is out of what it has open', async (t) => {
  const { admin, shim } = await start(t, '--act-for-users')
  const anna = await userOf(shim, 'anna')
  const agent_id = await anna.spawn('agent of anna')
  await until(admin.follow(agent_id), ({ type }) => type === 'turn_complete')
  await anna.call('agent.pause', { agent_id })
  const { result } = await anna.call('agent.attach.request', { agent_id })
  const path = String(result?.['connect_url']).replace(/^unix:(\/\/)?/, '')
  const attached = await AttachClient.open(t, path)
  t.match(await attached.hello(String(result?.['token'])), { success: true, agent_id })
  const again = await AttachClient.open(t, path)
  const stream = serverSentEvents(await anna.stream(agent_id))
  await stream.next()
  await admin.call('key.revoke', { principal: 'anna' })
  let last: unknown
  for await (const event of stream) last = event
  t.match(last, { event: 'failed', data: { code: 'FORBIDDEN' } })
  t.match(await attached.next('error'), { error: /anna/ })
  await attached.ended()
  t.match(await again.hello(String(result?.['token'])), { success: false })
  t.match(await anna.call('agent.list'), { error: { code: -32001 } })
})

t.test('without the setting a token opens what the shim may', async (t) => {
  const { admin, shim } = await start(t)
  const anyone = await userOf(shim, 'nobody')
  const session = await anyone.spawn('agent')
  t.match(await admin.call('session.get', { session }), { owner: 'local' })
})

t.test('a gateway of another machine has its users and nothing else', async (t) => {
  const cluster = await Cluster.make(t)
  const { key, endpoint } = networkOf(await cluster.broker({ args: [...LISTEN] }))
  await cluster.host()
  const admin = await cluster.connect()
  await addUsers(admin)
  const keyFile = join(cluster.dir, 'web.key')
  const { publicKey } = ownKeys(keyFile, randomBytes)
  await admin.call('key.add', { principal: 'web', roles: ['gateway'], key: publicKey })
  const place = ['--endpoint', endpoint, `--broker-key=${key}`, '--key-file', keyFile]
  const shim = await cluster.shim({ args: [...TYPES, ...AUTH, '--act-for-users', ...place] })
  const closed = shim.ready['closed'] as readonly { readonly door: string }[]
  t.strictSame(closed.map(({ door }) => door).sort(), ['attach', 'events', 'pub'])
  const anna = await userOf(shim, 'anna')
  const session = await anna.spawn('agent of anna')
  t.match(await admin.call('session.get', { session }), { owner: 'anna' })
  const events = serverSentEvents(await anna.stream(session))
  t.match(await events.next(), { value: { id: 1 } })
  const itself = new User(doorOf(shim, 'http'), 'sesame')
  t.match(await itself.call('agent.list'), { error: { code: -32001, message: /web lacks/ } })
})

t.test('only a token can name a user', async (t) => {
  const cluster = await Cluster.make(t)
  await cluster.broker()
  for (const args of [[], ['--enable-auth', '--api-key', 'k']]) {
    await t.rejects(cluster.shim({ args: ['--act-for-users', ...args] }), {
      message: /act_for_users.*jwt_secret/s,
    })
  }
})
