/**
 * A whole system that works with planted secrets, and then all that it wrote is searched for them: logs,
 * outputs, files, lists, events, metrics, command lines.
 */
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { connect as connectSocket } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import t, { type Test } from 'tap'
import type { Client, SessionHandle } from '../../clients/sdk/index.ts'
import { AttachClient } from '../support/attach-client.ts'
import { until } from '../support/chunks.ts'
import { runCli, shortDir, startProgram } from '../support/cli.ts'
import { Cluster, type Part } from '../support/cluster.ts'
import { commandLines, filesBelow, type Place, Planted } from '../support/planted.ts'
import { doorOf } from '../support/shim-clients.ts'

/** What people and agents say to each other, and what a session needs to be started again. */
const IN_THE_JOURNAL = [
  ...[
    'prompt',
    'system prompt',
    'context',
    'output',
    'denial',
    'line',
    'task',
    'value',
    'template',
  ],
  ...['variable of a request', 'variable of an old agent', 'variable of a command'],
]

/** The demo agent keeps the beginning of what it is asked in files of its own. */
const WITH_THE_AGENT = ['context']

/** What an old agent is to do is its label in the lists of its clients. */
const IN_LISTS = ['agents', 'agentmq ps --json']

function allowed(place: string): readonly string[] {
  if (IN_LISTS.includes(place)) return ['task']
  if (place.startsWith('journal/')) return IN_THE_JOURNAL
  return place.startsWith('demo/') ? WITH_THE_AGENT : []
}

interface Stage {
  readonly planted: Planted
  readonly cluster: Cluster
  readonly client: Client
  readonly parts: { readonly broker: Part; readonly host: Part; readonly shim: Part }
  readonly keys: { readonly api: string; readonly jwt: string }
  readonly places: Place[]
  readonly home: string
}

async function stage(t: Test): Promise<Stage> {
  const planted = new Planted()
  const cluster = await Cluster.make(t)
  const home = shortDir(t)
  writeFileSync(join(home, 'said'), `${planted.secret('output')}\n`)
  const config = join(home, 'config.json')
  writeFileSync(config, JSON.stringify({ host: hostSettings(home, planted) }))
  const keys = { api: planted.secret('API key'), jwt: planted.secret('JWT secret') }
  const verbose = ['--log-level', 'trace', '--config', config]
  const broker = await cluster.broker({
    args: verbose,
    env: { BROKER_TOKEN: planted.secret('variable of the broker') },
  })
  const host = await cluster.host({
    args: [...verbose, '--root', cluster.workspace],
    env: {
      UNRELATED_TOKEN: planted.secret('variable of the host'),
      PASSED_ON: planted.secret('variable that is passed on'),
      HTTPS_PROXY: `http://user:${planted.secret('password in a URL')}@127.0.0.1:9`,
    },
  })
  const shim = await cluster.shim({
    args: [...verbose, '--enable-auth', '--agent-types', '{"claude":"cat"}'],
    env: { AGENTMQ_API_KEY: keys.api, AGENTMQ_JWT_SECRET: keys.jwt },
  })
  const client = await cluster.connect()
  const parts = { broker, host, shim }
  return { planted, cluster, client, parts, keys, places: [], home }
}

/** Programs that repeat what they are told, say what nobody told them, and fail with all they know. */
function hostSettings(home: string, planted: Planted): object {
  const secret = planted.secret('variable of the config')
  const confess = 'echo "no: $CONFIGURED $PASSED_ON $MY_SECRET $HTTPS_PROXY" >&2; exit 3'
  return {
    allow_env: ['MY_SECRET', 'OLD_SECRET'],
    pass_env: ['PASSED_ON', 'HTTPS_PROXY'],
    acp_agents: {
      broken: { command: 'sh', args: ['-c', confess], env: { CONFIGURED: secret } },
    },
    stdio_commands: {
      cat: { command: 'cat', idle_ms: 50, env: { CONFIGURED: secret } },
      tell: { command: 'sh', args: ['-c', `while read l; do cat ${home}/said; done`], idle_ms: 50 },
    },
  }
}

const isTurnEnd = ({ type }: { readonly type: string }): boolean => type === 'turn_complete'

async function oneTurn(session: SessionHandle, text: string): Promise<void> {
  const { sequence } = await session.prompt(text)
  await until(session.follow({ from: sequence }), isTurnEnd)
}

/** Sessions of all kinds. */
async function work({ planted, client, cluster, places }: Stage, t: Test): Promise<void> {
  const create = (backend: string, more: object = {}) =>
    client.createSession({ backend, cwd: cluster.workspace, ...more })
  const variable = planted.secret('variable of a request')
  const cat = await create('cat', { env: { MY_SECRET: variable } })
  const environ = readFileSync(`/proc/${cat.info.pid}/environ`, 'latin1')
  t.match(environ, variable, 'the agent got it')
  t.match(planted.within(environ).sort(), [
    ...['password in a URL', 'variable of a request', 'variable of the config'],
    'variable that is passed on',
  ])
  await oneTurn(cat, planted.secret('prompt'))
  await client.call('session.write', { session: cat.id, line: planted.secret('line') })
  await oneTurn(await create('tell'), 'tell')
  const texts = {
    system_prompt: planted.secret('system prompt'),
    context: planted.secret('context'),
  }
  await denied(await create('demo', texts), client, planted.secret('denial'))
  places.push(commandLines())
  const failing = create('broken', { env: { MY_SECRET: variable } })
  const failure = await failing.then(
    () => '',
    (thrown: Error) => thrown.message,
  )
  t.match(failure, /\[CONFIGURED\] \[PASSED_ON\] \[MY_SECRET\] \[HTTPS_PROXY\]/)
  places.push({ name: 'an error', text: failure })
  const { ticket } = await client.call('stream.open', { session: cat.id, from: 1 })
  planted.made('ticket', ticket)
  await client.call('state.set', { key: 'k', value: planted.secret('value') })
  await client.call('workflow.execute', {
    steps: [{ id: 'a', start: { backend: 'cat' }, prompt: planted.secret('template') }],
  })
  const metadata = { mode: 'agent', agent_name: 'Ann' }
  const paused = await create('cat', { metadata })
  await client.call('session.pause', { session: paused.id, mode: 'hold' })
  await attach(paused, cluster, planted, t)
}

async function denied(session: SessionHandle, client: Client, message: string): Promise<void> {
  const { sequence } = await session.prompt('@@create(it.txt)')
  for await (const item of session.follow({ from: sequence })) {
    if (isTurnEnd(item)) return
    if (item.type !== 'approval_request') continue
    await client.call('approval.answer', { approval: item.approval, decision: 'deny', message })
  }
}

/** A token of the old kind, used and misused. */
async function attach(
  { id }: SessionHandle,
  cluster: Cluster,
  planted: Planted,
  t: Test,
): Promise<void> {
  const unix = join(cluster.dir, 'daemon.sock')
  const answer = await overUnix(unix, 'agent.attach.request', [id, 'claude-code'])
  t.match(answer, { result: { token: String, connect_url: String } })
  const { token, connect_url } = answer.result as { token: string; connect_url: string }
  planted.made('attach token', token)
  const path = connect_url.replace(/^unix:\/\//, '')
  const good = await AttachClient.open(t, path)
  t.match(await good.hello(token), { success: true })
  const bad = await AttachClient.open(t, path)
  t.match(await bad.hello(planted.secret('wrong attach token')), { success: false })
  await overUnix(unix, 'agent.attach.validate', [planted.secret('guessed attach token')])
}

async function overUnix(path: string, method: string, params: readonly string[]) {
  const socket = connectSocket(path)
  socket.write(`${JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })}\n`)
  const [line] = await once(createInterface({ input: socket }), 'line')
  socket.end()
  return JSON.parse(String(line)) as { result?: unknown }
}

function token(secret: string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Math.floor(Date.now() / 1000)
  const claims = { sub: 'me', iat: now, exp: now + 60, scope: ['*'] }
  const signed = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

/** The web doors, with all ways to show a credential, good and bad. */
async function knock({ planted, parts, keys, places, cluster }: Stage, t: Test): Promise<void> {
  const url = doorOf(parts.shim, 'http')
  const post = async (authorization: string, method: string, params: object = {}, query = '') => {
    const headers = { authorization, 'content-type': 'application/json' }
    const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
    const response = await fetch(`${url}/${query}`, { method: 'POST', headers, body })
    return { status: response.status, text: await response.text() }
  }
  const bearer = planted.made('bearer token', token(keys.jwt))
  const ask = (method: string, params: object = {}) => post(`Bearer ${bearer}`, method, params)
  const environment = { OLD_SECRET: planted.secret('variable of an old agent') }
  const task = planted.secret('task')
  const config = { task, environment, working_dir: cluster.workspace }
  const spawned = await ask('agent.spawn', { name: 'old', agent_type: 'claude', config })
  t.match(spawned, { status: 200 })
  const basic = Buffer.from(`me:${planted.secret('basic password')}`).toString('base64')
  const refused: readonly Parameters<typeof post>[] = [
    [`Basic ${planted.made('basic header', basic)}`, 'agent.list'],
    [`Bearer ${planted.secret('wrong token')}`, 'agent.list'],
    [`Bearer ${token(planted.secret('wrong secret'))}`, 'agent.list'],
    ['', 'agent.list', {}, `?token=${planted.secret('token in a URL')}`],
    ['', 'no.such.method', { auth_token: planted.secret('token in parameters') }],
  ]
  for (const one of refused) t.match(await post(...one), { text: /"error":\{"code":-32001/ })
  t.match(await post(`Bearer ${keys.api}`, 'system.health'), { status: 200 })
  places.push({ name: 'agents', text: (await ask('agent.list')).text })
  const metrics = await fetch(`${doorOf(parts.shim, 'metrics')}/metrics`)
  places.push({ name: 'metrics', text: await metrics.text() })
}

/** What everybody may look at who may look at all. */
async function look({ planted, client, cluster, places, home }: Stage, t: Test): Promise<void> {
  const cli = async (...args: string[]) => {
    const { stdout, stderr } = await runCli(t, home, ['--dir', cluster.dir, ...args])
    places.push({ name: `agentmq ${args[0]} ${args.at(-1)}`, text: `${stdout}${stderr}` })
    return stderr
  }
  await cli('ps', '--all', '--json')
  await cli('ps', '--all', '--debug')
  await cli('hosts', '--backends', '--json')
  await cli('metrics')
  const spawn = ['spawn', '--backend', 'broken', '--cwd', cluster.workspace]
  const env = ['--env', `MY_SECRET=${planted.secret('variable of a command')}`]
  t.match(await cli(...spawn, ...env, '--debug'), /broken did not start: no: \[CONF.*\[MY_SECRET\]/)
  const nameless = planted.secret('variable without a name')
  t.match(await cli('spawn', '--backend', 'cat', '--env', nameless, '--debug'), /--env takes/)
  const { head } = await client.call('stream.open', { session: '@events', from: 1 })
  const { chunks } = await client.call('stream.read', { session: '@events', from: 1, to: head })
  places.push({ name: 'events', text: JSON.stringify(chunks) })
  places.push({ name: 'info', text: JSON.stringify(await client.call('system.info', {})) })
  const { text } = await client.call('system.metrics', {})
  places.push({ name: 'figures', text })
  places.push(commandLines())
}

t.test('no secret of a whole run is written anywhere but where it belongs', async (t) => {
  const at = await stage(t)
  await work(at, t)
  await knock(at, t)
  await look(at, t)
  const { planted, cluster, parts, places } = at
  await at.client.close()
  for (const part of [parts.shim, parts.host, parts.broker]) await cluster.signal(part, 'SIGTERM')
  for (const [name, part] of Object.entries(parts)) places.push({ name, text: part.said() })
  places.push(...filesBelow(cluster.dir))
  for (const { name, text } of places) {
    const found = planted.within(text).filter((secret) => !allowed(name).includes(secret))
    t.strictSame(found, [], name)
  }
  const journal = places.filter(({ name }) => name.startsWith('journal/'))
  const kept = new Set(journal.flatMap(({ text }) => planted.within(text)))
  t.strictSame([...kept].sort(), [...IN_THE_JOURNAL].sort(), 'all of it was in use')
  const logs = places.filter(({ name, text }) => name.endsWith('.log') && text !== '')
  t.equal(logs.length, 3, 'and there were logs')
})

t.test('a command that cannot start says why, and not what it was given', async (t) => {
  const planted = new Planted()
  const home = shortDir(t, {
    'broken.json': `{"shim": {"jwt_secret": ${planted.secret('JSON')}}}`,
    'long.json': JSON.stringify({ shim: { api_key: planted.secret('long').repeat(300) } }),
    'broken.toml': `[auth]\njwt_secret = ${planted.secret('TOML')}\n`,
  })
  const agents = `{"a":{"command":"x","env":{"K":"${planted.secret('flag')}"}}`
  const endpoint = `tcp://me:${planted.secret('URL')}@10.0.0.1:1`
  const secretly = { AGENTMQ_JWT_SECRET: planted.secret('environment').repeat(300) }
  const runs: readonly [readonly string[], object][] = [
    [['shim', '--config', 'broken.json'], {}],
    [['shim', '--config', 'long.json'], {}],
    [['shim'], secretly],
    [['host', '--acp-agents', agents], {}],
    [['broker', '--endpoint', endpoint], {}],
    [['ps', '--config', 'broken.json', '--debug'], {}],
  ]
  for (const [args, env] of runs) {
    const { exit, stdout, stderr } = await runCli(t, home, args, { env: { ...env } })
    t.equal(exit, 2, args.join(' '))
    t.not(stderr, '')
    t.strictSame(planted.within(`${stdout}${stderr}`), [], stderr)
  }
  const daemon = fileURLToPath(new URL('../../clients/cli/descartes-daemon.js', import.meta.url))
  const env = { AGENTMQ_DEBUG: '1' }
  const run = startProgram(t, home, [daemon, '--config', 'broken.toml'], { env })
  const { exit, stderr } = await run.result
  t.equal(exit, 2)
  t.match(stderr, /broken\.toml/)
  t.strictSame(planted.within(stderr), [], stderr)
})
