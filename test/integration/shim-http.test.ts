/** The HTTP door before a real broker and host. */
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { MAX_VALUES } from '../../clients/shim/legacy/json/reader.ts'
import { Cluster, type Part } from '../support/cluster.ts'
import { rawSocket } from '../support/raw-socket.ts'

const TYPES = ['--agent-types', '{"*":"demo","chat":"demo"}']
const CAT = '{"cat":{"command":"cat","extra_args":true}}'

interface Reply {
  readonly result?: Readonly<Record<string, unknown>>
  readonly error?: { readonly code: number; readonly message: string }
}

function addressOf(shim: Part): URL {
  const { http } = shim.ready['doors'] as { readonly http: readonly string[] }
  return new URL(http[0] ?? '')
}

async function post(url: URL, body: unknown): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return fetch(url, { method: 'POST', body: text })
}

async function call(url: URL, method: string, params: unknown = null): Promise<Reply> {
  const response = await post(url, { jsonrpc: '2.0', method, params, id: 1 })
  return (await response.json()) as Reply
}

async function start(t: Test, ...args: readonly string[]) {
  const cluster = await Cluster.make(t)
  await cluster.broker()
  await cluster.host({ args: ['--root', cluster.workspace, '--stdio-commands', CAT] })
  const shim = await cluster.shim({ args: [...TYPES, ...args] })
  return { cluster, url: addressOf(shim) }
}

t.test('what the old daemon invented is true', async (t) => {
  const { cluster, url } = await start(t)
  const client = await cluster.connect()

  t.test('GET and other verbs', async (t) => {
    const info = await fetch(new URL('/health', url))
    t.equal(info.headers.get('content-type'), 'application/json')
    t.match(await info.json(), { name: 'Descartes RPC Server', version: /^\d/ })
    const openrpc = (await (await fetch(new URL('/openrpc.json', url))).json()) as {
      readonly methods: readonly { readonly name: string }[]
    }
    t.ok(openrpc.methods.some(({ name }) => name === 'chat.prompt'))
    const put = await fetch(url, { method: 'PUT', body: '{}' })
    t.same([put.status, await put.text()], [405, 'Method not allowed'])
  })

  t.test('a page of the web may not ask, whatever name it gave this machine', async (t) => {
    const ask = async (headers: Readonly<Record<string, string>>) => {
      const body = '{"jsonrpc":"2.0","method":"agent.list","id":1}'
      const { socket, ended } = await rawSocket(t, { host: url.hostname, port: Number(url.port) })
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`)
      socket.write(
        `POST / HTTP/1.1\r\n${lines.join('')}content-length: ${body.length}\r\nconnection: close\r\n\r\n${body}`,
      )
      return await ended
    }
    const { host } = url
    t.match(await ask({ host }), /^HTTP\/1.1 200 /)
    t.match(await ask({ host, origin: 'https://evil.example' }), /^HTTP\/1.1 403 .*-32001/s)
    const rebound = { host: 'evil.example', origin: 'http://evil.example' }
    t.match(await ask(rebound), /^HTTP\/1.1 403 .*ask by address/s)
  })

  t.test('an agent is a process, with logs, and a kill kills it', async (t) => {
    const config = { task: 'one\ntwo', k: 1.5 }
    const spawned = await call(url, 'agent.spawn', { name: 'my agent', agent_type: 'x', config })
    const agent_id = String(spawned.result?.['agent_id'])
    await using items = client.follow(agent_id)
    for await (const item of items) if (item.type === 'turn_complete') break
    const listed = (await call(url, 'agent.list')).result?.['agents'] as readonly object[]
    const found = listed.find((one) => (one as { readonly id: string }).id === agent_id)
    const { pid } = await client.call('session.get', { session: agent_id })
    t.match(found, { name: 'my agent', config, status: 'running', pid })

    const all = await call(url, 'agent.logs', { agent_id })
    const logs = all.result?.['logs'] as readonly object[]
    t.match(logs[0], { context: null, level: 'info', message: 'Agent started' })
    t.match(logs[1], { message: 'one\ntwo', context: { type: 'prompt', turn: 1 } })
    t.equal(all.result?.['total'], logs.length)
    const page = await call(url, 'agent.logs', { agent_id, limit: 1, offset: 1 })
    t.same(page.result, { agent_id, logs: [logs[1]], total: logs.length })

    t.match(await call(url, 'agent.kill', { agent_id }), { result: { status: 'terminated' } })
    t.match(await call(url, 'agent.kill', [agent_id]), { result: { status: 'terminated' } })
    t.match(await client.call('session.get', { session: agent_id }), { status: 'ended' })
    t.throws(() => process.kill(Number(pid), 0))
  })

  t.test('neither a name nor the start of an id is an agent', async (t) => {
    const { session } = await client.call('session.create', { backend: 'demo', name: 'blue' })
    for (const agent_id of ['blue', session.slice(0, 8), '']) {
      t.match(await call(url, 'agent.kill', { agent_id }), { error: { code: -32002 } })
    }
    t.match(await client.call('session.get', { session }), { status: 'idle' })
  })

  t.test('pause and resume as the GUI asks for them', async (t) => {
    const spawned = await call(url, 'agent.spawn', ['p', 'cat-cli', { task: '-' }])
    const agent_id = spawned.result?.['agent_id']
    t.match(await call(url, 'agent.pause', [agent_id, true]), { result: { pause_mode: 'forced' } })
    t.match(await call(url, 'agent.attach.request', [agent_id]), { result: { agent_id } })
    t.match(await call(url, 'agent.resume', [agent_id]), { result: { agent_id } })
    t.match(await call(url, 'agent.resume', [agent_id]), { error: { code: -32014 } })
  })

  t.test('a chat has many turns, ends, and is no agent until it is made one', async (t) => {
    const created = await call(url, 'chat.create', { thinking_level: 'hard' })
    const session_id = String(created.result?.['session_id'])
    t.match(created.result, { topic: `chat/${session_id}`, pub_endpoint: /^tcp:\/\/127\.0\.0\.1:/ })
    for (const prompt of ['first', 'second']) {
      t.match(await call(url, 'chat.prompt', { session_id, prompt }), { result: { success: true } })
    }
    const prompts: string[] = []
    await using items = client.follow(session_id)
    for await (const item of items) {
      if (item.type === 'prompt') prompts.push(item.text)
      if (item.type === 'turn_complete' && item.turn_number === 2) break
    }
    t.same(prompts, ['think hard: first', 'think hard: second'])
    t.match(await call(url, 'agent.kill', { agent_id: session_id }), { error: { code: -32002 } })
    t.match(await call(url, 'chat.upgrade_to_agent', { session_id }), { result: { mode: 'agent' } })
    const chats = (await call(url, 'chat.list')).result?.['sessions'] as readonly object[]
    t.match(chats, [{ session_id, mode: 'agent', is_active: true, turn_count: 2 }])
    t.match(await call(url, 'chat.stop', { session_id }), { result: { success: true } })
    t.match(await client.call('session.get', { session: session_id }), { status: 'ended' })
    t.match(await call(url, 'chat.prompt', { session_id, prompt: 'x' }), {
      error: { code: -32603, message: 'Internal server error: Session not found' },
    })
  })

  t.test('state', async (t) => {
    const { session } = await client.call('session.create', { backend: 'demo' })
    await client.call('state.set', { key: `agent/${session}/k`, value: { a: 1 } })
    await client.call('state.set', { key: 'plain', value: 5 })
    await client.call('state.set', { key: 'shim/secret', value: 5 })
    t.match(await call(url, 'state.query', { agent_id: session }), {
      result: { state: { k: { a: 1 } } },
    })
    t.match(await call(url, 'state.query', [null, 'plain']), { result: { state: { plain: 5 } } })
    t.same((await call(url, 'state.query', [null, 'shim/secret'])).result?.['state'], {})
    t.notOk('shim/secret' in Object((await call(url, 'state.query')).result?.['state']))
  })

  t.test('workflows: none, and one prompt for each agent', async (t) => {
    const run = async (agents: readonly string[], config: object): Promise<unknown> => {
      const begun = await call(url, 'workflow.execute', ['w', agents, config])
      const execution = String(begun.result?.['execution_id'])
      await using items = client.follow(`@workflow/${execution}`)
      for await (const item of items) {
        if (item.type === 'event' && item.event === 'completed') break
      }
      return client.call('workflow.get', { execution })
    }
    t.match(await run([], {}), { status: 'completed', steps: [] })
    const { session } = await client.call('session.create', { backend: 'demo' })
    t.match(await run([session], { prompt: 'hi' }), {
      status: 'completed',
      steps: [{ status: 'completed', session }],
    })
    t.match(await call(url, 'workflow.execute', ['w', ['zz'], {}]), { error: { code: -32002 } })
    const steps = [{ prompt: 'one' }, { agent: session, prompt: 'two', needs: ['step1'] }]
    t.match(await run([session], { steps }), {
      status: 'completed',
      steps: [{ session }, { status: 'completed', session }],
    })
  })

  t.test('a workflow has to do with its agents, and starts none', async (t) => {
    const one = await client.call('session.create', { backend: 'demo' })
    const other = await client.call('session.create', { backend: 'demo', name: 'other' })
    const before = await client.call('session.list', {})
    const run = (step: object) => {
      const steps = [{ prompt: 'x', ...step }]
      return call(url, 'workflow.execute', ['w', [one.session], { steps }])
    }
    for (const session of [other.session, 'other', one.session.slice(0, 8), '', 7]) {
      t.match(await run({ session }), { error: { code: -32002 } }, String(session))
      t.match(await run({ agent: session }), { error: { code: -32002 } })
    }
    const start = { backend: 'cat', extra_args: ['/etc/passwd'] }
    t.match(await run({ start }), { error: { code: -32005, message: /cannot start an agent/ } })
    t.equal((await client.call('session.list', {})).total, before.total)
    t.match(await client.call('session.get', { session: other.session }), { turn: 0 })
  })

  t.test('figures are measured', async (t) => {
    const { result } = await call(url, 'system.metrics')
    const { agents } = (await call(url, 'agent.list')).result as { readonly agents: unknown[] }
    t.match(result, { agents: { total: agents.length } })
    const system = result?.['system'] as Readonly<Record<string, unknown>> | undefined
    t.ok(Number(system?.['memory_usage_mb']) > 1)
    t.match(await call(url, 'system.health'), { result: { status: 'healthy' } })
  })
})

t.test('what is odd and no fault', async (t) => {
  const { url } = await start(t)
  const port = Number(url.port)
  const body = JSON.stringify({ jsonrpc: '2.0', method: 'system.health', id: 1 })
  const length = `Content-Length: ${body.length}\r\n`
  const answerTo = async (head: string, sent = body): Promise<string> => {
    const { socket, ended } = await rawSocket(t, { port })
    socket.write(`${head}\r\n${sent}`)
    return ended
  }
  const isHealthy = /^HTTP\/1\.1 200 [\s\S]*"status":"healthy"/
  const close = `Host: localhost\r\nConnection: close\r\n${length}`

  t.test('an offer to speak HTTP/2 is passed over', async (t) => {
    const offer =
      'Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAA\r\n'
    t.match(await answerTo(`POST / HTTP/1.1\r\nHost: localhost\r\n${offer}${length}`), isHealthy)
    const { socket, ended } = await rawSocket(t, { port })
    socket.write(`POST / HTTP/1.1\r\nHost: localhost\r\n${offer}${length}\r\n${body.slice(0, 9)}`)
    t.match(await call(url, 'system.health'), { result: {} }, 'meanwhile')
    socket.write(body.slice(9))
    t.match(await ended, isHealthy, 'also when the body comes later')
    const get =
      'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: upgrade, close\r\nUpgrade: h2c\r\n'
    t.match(await answerTo(get, ''), /^HTTP\/1\.1 200 [\s\S]*Descartes RPC Server/)
  })

  t.test('paths, verbs and versions', async (t) => {
    t.match(await answerTo(`POST /%zz?x HTTP/1.1\r\n${close}`), isHealthy, 'no URL')
    t.match(await answerTo(`POST http://else/where HTTP/1.1\r\n${close}`), isHealthy, 'absolute')
    t.match(await answerTo(`POST / HTTP/1.0\r\n${length}`), isHealthy, 'HTTP/1.0')
    t.match(
      await answerTo(`POST / HTTP/1.1\r\nConnection: close\r\n${length}`),
      isHealthy,
      'no host',
    )
    t.match(
      await answerTo(`POST / HTTP/1.1\r\nExpect: 100-continue\r\n${close}`),
      /^HTTP\/1\.1 100 [\s\S]* 200 /,
    )
    t.match(
      await answerTo(`POST / HTTP/1.1\r\nHost: localhost\r\n${close}`),
      isHealthy,
      'two hosts',
    )
  })

  t.test('nonsense in pieces, and lengths that disagree', async (t) => {
    const pieces = 'POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n'
    t.match(await answerTo(pieces, 'zz\r\n'), /^HTTP\/1\.1 400 /)
    t.match(await answerTo(`${pieces}Content-Length: 3\r\n`, '0\r\n\r\n'), /^HTTP\/1\.1 400 /)
  })

  t.test('values without end', async (t) => {
    for (const params of ['[],'.repeat(MAX_VALUES), '{"a":1},'.repeat(MAX_VALUES / 2)]) {
      const text = `[{"jsonrpc":"2.0","method":"x","params":[${params}1],"id":1}]`
      t.match(await (await post(url, text)).json(), {
        error: { code: -32700, message: /too many values/ },
      })
    }
    const deep = await post(url, '['.repeat(100_000))
    t.match(await deep.json(), { error: { code: -32700 } })
  })
})

t.test('limits', async (t) => {
  const limits = {
    'body-bytes': 2000,
    'header-bytes': 2048,
    'header-ms': 300,
    'request-ms': 600,
    connections: 3,
  }
  const flags = Object.entries(limits).flatMap(([name, value]) => [`--http-${name}`, `${value}`])
  const { url } = await start(t, ...flags, '--batch-size', '2')
  const port = Number(url.port)
  const health = { jsonrpc: '2.0', method: 'system.health', id: 1 }

  t.test('a body that is too large', async (t) => {
    const response = await post(url, 'x'.repeat(2001))
    t.equal(response.status, 413)
    t.match(await response.json(), { error: { code: -32600, message: /at most 2000 bytes/ } })
  })

  t.test('headers that are too large', async (t) => {
    const response = await fetch(url, { headers: { 'x-long': 'x'.repeat(3000) } })
    t.equal(response.status, 431)
  })

  t.test('a batch that is too large', async (t) => {
    const response = await post(url, [health, health, health])
    t.match(await response.json(), { error: { code: -32011 } })
  })

  t.test('slow clients are told to go, and cost nobody else anything', async (t) => {
    const headers = await rawSocket(t, { port })
    headers.socket.write('POST / HTTP/1.1\r\nHost: x\r\nX-Slow')
    const body = await rawSocket(t, { port })
    body.socket.write('POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{')
    t.match(await (await post(url, health)).json(), { result: { status: 'healthy' } })
    t.match(await headers.ended, /^HTTP\/1\.1 408 /)
    t.match(await body.ended, /^HTTP\/1\.1 408 /)
  })

  t.test('connections beyond the limit are closed', async (t) => {
    const first = [await rawSocket(t, { port }), await rawSocket(t, { port })]
    const more = [await rawSocket(t, { port }), await rawSocket(t, { port })]
    const all = [...first, ...more].map(({ ended }) => ended)
    t.equal(await Promise.any(all), '', 'one of them is closed without a word')
  })
})

t.test('an agent that is asked for before there is a host gets one when it comes', async (t) => {
  const cluster = await Cluster.make(t)
  await cluster.broker()
  const shim = await cluster.shim({ args: [...TYPES, '--host-wait-ms', '60000'] })
  const url = addressOf(shim)
  const agent = call(url, 'agent.spawn', { name: 'early', agent_type: 'x', config: {} })
  const chat = String((await call(url, 'chat.create')).result?.['session_id'])
  const said = call(url, 'chat.prompt', { session_id: chat, prompt: 'hello' })
  const client = await cluster.connect()
  // Both have been refused at least once by then.
  const refused = async () => (await client.call('system.metrics', {})).text.match(/NO_HOST/g)
  while ((await refused()) === null) await new Promise(setImmediate)
  await cluster.host({ args: ['--root', cluster.workspace] })
  t.match(await agent, { result: { status: 'running' } })
  t.match(await said, { result: { success: true } })
})

t.test('nobody waits longer for a host than is set', async (t) => {
  const cluster = await Cluster.make(t)
  await cluster.broker()
  const url = addressOf(await cluster.shim({ args: [...TYPES, '--host-wait-ms', '0'] }))
  const reply = await call(url, 'agent.spawn', { name: 'early', agent_type: 'x', config: {} })
  t.match(reply, { error: { code: -32003, message: /no connected host fits/ } })
})

/** A stage whose broker stands still until the returned function is called, so that calls stay under way. */
async function stopped(t: Test, ...args: readonly string[]) {
  const cluster = await Cluster.make(t)
  const broker = await cluster.broker()
  const shim = await cluster.shim({ args: [...TYPES, ...args] })
  broker.process.kill('SIGSTOP')
  t.teardown(() => void broker.process.kill('SIGCONT'))
  return { shim, url: addressOf(shim), goOn: () => void broker.process.kill('SIGCONT') }
}

const HEALTH = '{"jsonrpc":"2.0","method":"system.health","id":1}'
const REQUEST = `POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${HEALTH.length}\r\n\r\n${HEALTH}`

t.test('requests under way beyond the limit are 503, and only those', async (t) => {
  const { url, goOn } = await stopped(t, '--http-in-flight', '1')
  const asked = [post(url, HEALTH), post(url, HEALTH)]
  const refused = await Promise.race(asked)
  t.equal(refused.status, 503)
  t.equal(refused.headers.get('retry-after'), '1')
  t.match(await refused.json(), { error: { code: -32011 } })
  goOn()
  const answers = await Promise.all(asked)
  t.same(new Set(answers.map(({ status }) => status)), new Set([200, 503]))
})

t.test('a connection on which nothing moves is closed', async (t) => {
  const { url } = await stopped(t, '--http-stall-ms', '400')
  const { socket, ended } = await rawSocket(t, { port: Number(url.port) })
  socket.write(REQUEST)
  t.equal(await ended, '')
})

t.test('a connection is kept for its next request, for a while', async (t) => {
  const { url } = await start(t, '--http-idle-ms', '300')
  const { socket, ended } = await rawSocket(t, { port: Number(url.port) })
  socket.write(REQUEST + REQUEST)
  const text = await ended
  t.equal(text.match(/HTTP\/1\.1 200 /g)?.length, 2)
})

t.test('the shim ends although a request is under way', async (t) => {
  const { url, shim, goOn } = await stopped(t, '--http-drain-ms', '300')
  const { socket, ended } = await rawSocket(t, { port: Number(url.port) })
  socket.write(REQUEST.replace('\r\n\r\n', '\r\nExpect: 100-continue\r\n\r\n'))
  await once(socket, 'data') // it is begun
  shim.process.kill('SIGTERM')
  t.equal(await ended, 'HTTP/1.1 100 Continue\r\n\r\n', 'cut off without an answer')
  goOn()
  t.equal(await shim.exited, 0)
})
