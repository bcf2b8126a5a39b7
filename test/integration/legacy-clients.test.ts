/** Clients that share no code with us: curl, a SUB socket of Python, a WebSocket made by hand. */
import { execFile, spawn, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { Cluster } from '../support/cluster.ts'

const SUB_CLIENT = new URL('../../../test/support/python/sub_client.py', import.meta.url).pathname
const run = promisify(execFile)

const python = ['python3', '/usr/bin/python3'].find(
  (name) => spawnSync(name, ['-c', 'import zmq'], { timeout: 60_000 }).status === 0,
)
const curl = ['curl'].find((name) => spawnSync(name, ['--version']).status === 0)

interface Stage {
  readonly cluster: Cluster
  /** The first address of a door. */
  readonly door: (name: string) => string
  /** A JSON-RPC call with curl. */
  readonly call: (method: string, params: object) => Promise<Record<string, unknown>>
}

/** A broker, a host and a shim whose chats are with the demo agent. */
async function stage(t: Test): Promise<Stage> {
  const { cluster } = await Cluster.start(t)
  const shim = await cluster.shim({ args: ['--agent-types', '{"chat":"demo"}'] })
  const doors = shim.ready['doors'] as Readonly<Record<string, readonly string[]>>
  const door = (name: string): string => doors[name]?.[0] ?? ''
  const call: Stage['call'] = async (method, params) => {
    const body = JSON.stringify({ jsonrpc: '2.0', method, params, id: 1 })
    const { stdout } = await run('curl', ['-sS', '--data-binary', body, door('http')])
    const { result } = JSON.parse(stdout) as { readonly result: Record<string, unknown> }
    return result
  }
  return { cluster, door, call }
}

const noCurl = curl === undefined ? 'no curl' : false

t.test('curl', { skip: noCurl }, async (t) => {
  const { door, call } = await stage(t)
  const { stdout } = await run('curl', ['-sS', '-i', `${door('http')}/health`])
  t.match(stdout, /^HTTP\/1\.1 200 OK\r\n/)
  t.match(stdout, /^content-type: application\/json\r$/im)
  t.match(await call('agent.list', {}), { agents: [], count: 0 })
  const { agent_id: id } = await call('agent.spawn', {
    name: 'Ann',
    agent_type: 'demo',
    config: { task: '@@echo(hello)' },
  })
  t.match(await call('agent.list', {}), { agents: [{ id, name: 'Ann', status: 'running' }] })
  t.match(await call('agent.kill', { agent_id: id }), { status: 'terminated' })
})

const noPython = python === undefined ? 'no python3 with zmq (Debian: python3-zmq)' : false

t.test('a SUB socket of Python', { skip: noCurl || noPython }, async (t) => {
  const { door, call } = await stage(t)
  const chat = await call('chat.create', { working_dir: '.' })
  const child = spawn(python ?? '', [SUB_CLIENT, door('pub'), String(chat['topic'])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.teardown(() => child.kill('SIGKILL'))
  const lines: string[] = []
  const exited = once(child, 'exit')
  const reader = createInterface({ input: child.stdout })
  const turnOver = new Promise<void>((resolve) => {
    reader.on('line', (line) => {
      lines.push(line)
      if (line.includes('"type":"turn_complete"')) resolve()
    })
  })
  const session_id = chat['session_id']
  t.same(await call('chat.prompt', { session_id, prompt: '@@echo(from afar)' }), { success: true })
  await turnOver
  t.same(await call('chat.stop', { session_id }), { success: true })
  t.equal((await exited)[0], 0)
  const topic = `chat/${String(session_id)} `
  t.ok(lines.every((line) => line.startsWith(`${topic}{"type":"`)))
  const chunks = lines.map((line) => JSON.parse(line.slice(topic.length)) as object)
  t.match(chunks[0], { type: 'text', content: 'from afar' })
  t.match(chunks.at(-2), { type: 'turn_complete', turn_number: 1 })
  t.match(chunks.at(-1), { type: 'complete', exit_code: 0, session_id })
})

t.test('a WebSocket made by hand', { skip: noCurl }, async (t) => {
  const { door, call } = await stage(t)
  const { hostname, port } = new URL(door('events'))
  const socket = connect(Number(port), hostname)
  t.teardown(() => socket.destroy())
  const frames = framesOf(socket)
  const key = randomBytes(16).toString('base64')
  socket.write(
    `GET /events HTTP/1.1\r\nHost: ${hostname}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\n\r\n`,
  )
  const next = async (): Promise<object> => {
    const { value } = await frames.next()
    return JSON.parse(String(value)) as object
  }
  t.match(await next(), { type: 'Ping', payload: { timestamp: /Z$/ } })
  say(socket, { type: 'Subscribe', payload: { filter: { event_categories: ['agent'] } } })
  t.match(await next(), { type: 'SubscriptionConfirmed' })
  const { agent_id } = await call('agent.spawn', { name: 'Ann', agent_type: 'demo', config: null })
  t.match(await next(), { type: 'Event', payload: { type: 'AgentEvent', data: { agent_id } } })
})

/** A masked text frame of less than 64 KiB. */
function say(socket: Socket, message: object): void {
  const body = Buffer.from(JSON.stringify(message))
  const mask = randomBytes(4)
  const masked = body.map((byte, at) => byte ^ (mask[at % 4] ?? 0))
  const length = Buffer.alloc(2)
  length.writeUInt16BE(body.length)
  socket.write(Buffer.concat([Buffer.from([0x81, 0x80 | 126]), length, mask, masked]))
}

/** The texts of the frames that the server sends, after its answer to the upgrade. */
async function* framesOf(socket: Socket): AsyncGenerator<string> {
  let buffer = Buffer.alloc(0)
  let isUpgraded = false
  for await (const part of socket) {
    buffer = Buffer.concat([buffer, part as Buffer])
    if (!isUpgraded) {
      const end = buffer.indexOf('\r\n\r\n')
      if (end < 0) continue
      if (!buffer.toString('latin1').startsWith('HTTP/1.1 101 ')) throw new Error('no upgrade')
      buffer = buffer.subarray(end + 4)
      isUpgraded = true
    }
    for (let size = frameSize(buffer); size !== undefined; size = frameSize(buffer)) {
      const isText = ((buffer[0] ?? 0) & 0x0f) === 1 // a ping needs no answer for as long as this takes
      if (isText) yield buffer.subarray(size.head, size.head + size.body).toString('utf8')
      buffer = buffer.subarray(size.head + size.body)
    }
  }
}

/** Undefined until the whole frame is there. Servers do not mask. */
function frameSize(buffer: Buffer): { readonly head: number; readonly body: number } | undefined {
  if (buffer.length < 4) return undefined
  const short = (buffer[1] ?? 0) & 0x7f
  const size = short === 126 ? { head: 4, body: buffer.readUInt16BE(2) } : { head: 2, body: short }
  return buffer.length < size.head + size.body ? undefined : size
}
