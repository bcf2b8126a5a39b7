/** The MessagePack agent protocol against a real broker, host and shim, with real processes. */

import { setTimeout as sleep } from 'node:timers/promises'
import { unpack } from 'msgpackr'
import t, { type Test } from 'tap'
import { Dealer, Subscriber } from 'zeromq'
import { Cluster } from '../support/cluster.ts'
import { RepClient, uuidText } from '../support/rep-client.ts'

const UNKNOWN = Buffer.from('550e8400e29b41d4a716446655440000', 'hex')
const COMMANDS = {
  cat: { command: 'cat', idle_ms: 50, extra_args: true },
  worse: {
    command: 'sh',
    args: ['-c', 'echo "$0" >&2; exit 3'],
    idle_ms: 50,
    extra_args: true,
  },
}
const b64 = (text: string): string => Buffer.from(text).toString('base64')

t.test('the agent protocol', async (t) => {
  const cluster = await Cluster.make(t)
  await cluster.broker()
  const args = ['--root', cluster.workspace, '--stdio-commands', JSON.stringify(COMMANDS)]
  await cluster.host({ args: [...args, '--stop-ms', '300'] })
  const shim = await cluster.shim({
    args: ['--rep-max-agents', '12', '--rep-log', '--rep-log-port', '0'],
  })
  const endpoint = (shim.ready['doors'] as { rep: string[] }).rep[0] ?? ''
  const open = (t: Test): RepClient => new RepClient(t, endpoint)

  t.test('nothing is there, and all of it is said', async (t) => {
    const client = open(t)
    t.same(await client.ask('list_agents_request', 'l'), [
      'list_agents_response',
      'l',
      true,
      [],
      null,
    ])
    const [tag, id, healthy, version, uptime, active, metadata] = await client.ask(
      'health_check_request',
      'h',
    )
    t.same([tag, id, healthy, version, active], ['health_check_response', 'h', true, '1.0.0', 0])
    t.type(uptime, 'number')
    t.match(metadata, { server_id: /^server-/, endpoint, max_agents: '12', hosts_online: '1' })
    t.same(await client.command(UNKNOWN, 'get_status'), [
      'command_response',
      'c',
      UNKNOWN,
      false,
      null,
      null,
      'Agent not found: 550e8400-e29b-41d4-a716-446655440000',
    ])
  })

  t.test('whatever comes gets a reply, and the socket goes on', async (t) => {
    const client = open(t)
    const nil = Buffer.alloc(16)
    for (const bytes of [Buffer.of(0xc1), Buffer.alloc(0), Buffer.from('{"type":"x"}')]) {
      const reply = await client.askBytes(bytes)
      t.same(reply.slice(0, 6), ['command_response', '', nil, false, null, null])
      t.type(reply[6], 'string')
    }
    t.match(await client.ask('health_check_response', 'h', true, '1.0.0', null, null, null), {
      6: 'Unexpected message type: health_check_response',
    })
    t.match(await client.ask('spawn_request', 's3', ['a', 'cat-cli', '-']), {
      0: 'spawn_response',
      1: 's3',
      2: false,
      4: 'config.context is missing',
      5: /^server-/,
    })
    t.match(
      await client.ask('spawn_request', 's1', ['a', 'worker', 't', null, null, {}], 30, null),
      {
        4: 'Failed to spawn agent: Agent spawn failed: Unsupported model backend for process spawning: worker. Use API mode instead.',
      },
    )
    t.match(
      await client.ask('spawn_request', 's1', ['a', 'gone-cli', 't', null, null, {}], 30, null),
      {
        2: false,
        4: /^Failed to spawn agent: Agent spawn failed: Failed to spawn process for backend 'gone-cli': No such file/,
      },
    )
    const health = Buffer.from(
      '92b46865616c74685f636865636b5f72657175657374a8746573742d313233c0c0',
      'hex',
    )
    t.match(await client.askBytes(health, Buffer.from('an extra frame')), {
      1: 'test-123',
      2: true,
    })
  })

  t.test('a program is spawned, written to, read from, paused and ended', async (t) => {
    const client = open(t)
    const spawned = await client.ask('spawn_request', 's', ['Ann', 'cat-cli', '-', null, null, {}])
    t.match(spawned, { 0: 'spawn_response', 2: true, 4: null, 5: /^server-/ })
    const info = spawned[3] as readonly unknown[]
    const id = info[0] as Buffer
    t.same(info.slice(1, 4), ['Ann', 'running', 'cat-cli'])
    t.match(info[4], [Number, Number])
    t.same(info.slice(5), ['-', null, null, null])
    t.match(await client.command(uuidText(id), 'get_status'), {
      2: id,
      3: true,
      4: 'running',
      5: { status: 'Running' },
    })

    const line = async (stream: string) => {
      const fits = (reply: readonly unknown[]) => (reply[5] as { bytes: number }).bytes > 0
      return (await client.until(['control_command', 'c', id, stream, null], fits))[5]
    }
    for (const [payload, bytes] of [
      [{ data: b64('one\ntwo\n') }, 8],
      [{ data: 'three ü', encoding: 'utf8' }, 8],
      [{ data: 'plain text' }, 10],
      [{ data: [...Buffer.from('bytes\n')] }, 6],
    ] as const) {
      t.match(await client.command(id, 'write_stdin', payload), {
        3: true,
        5: { bytes_written: bytes },
      })
    }
    for (const text of ['one', 'two', 'three ü', 'plain text', 'bytes']) {
      const data = b64(`${text}\n`)
      t.same(await line('read_stdout'), { text, data, bytes: Buffer.from(data, 'base64').length })
    }
    t.match(await client.command(id, 'read_stderr'), { 5: { data: null, text: null, bytes: 0 } })
    t.match(await client.command(id, 'write_stdin', { data: b64('x'), encoding: 'rot13' }), {
      3: false,
      4: 'running',
      6: /^Agent execution error: write_stdin: encoding is/,
    })

    const query = (...rest: unknown[]) => client.ask('output_query_request', 'q', id, ...rest)
    t.same(await query('both', 't(w|hr)', null, null), [
      ...['output_query_response', 'q', id, true, ['two', 'three ü'], 2, false, null],
    ])
    t.match(await query('stdout', null, 2, 1), { 4: ['two', 'three ü'], 5: 5, 6: true })
    t.match(await query('stdout', null, 50, 5), { 4: [], 5: 5, 6: false })
    t.match(await query('stderr', null, 0, null), { 4: [], 5: 0, 6: false })
    t.match(await query('stdout', '(?=x)', 5, null), {
      3: false,
      7: /Agent execution error: .*pattern/,
    })

    t.match(await client.command(id, 'pause', { force: true }), {
      3: true,
      4: 'paused',
      5: { paused: true, mode: 'forced' },
    })
    t.match(await client.command(id, 'pause'), { 3: false, 6: /Agent is already paused$/ })
    const [paused] = (await client.ask('list_agents_request', 'l', 'paused', 1))[3] as unknown[][]
    t.match(paused, { 2: 'paused', 6: [Number, Number], 7: 'forced', 8: null })
    t.match(await client.command(id, 'resume'), { 3: true, 4: 'running', 5: { resumed: true } })
    t.match(await client.command(id, 'resume'), { 6: /not paused, current status: running$/ })
    t.match(await client.command(id, 'pause'), { 5: { mode: 'cooperative' } })
    t.match(await client.command(id, 'signal', { signal: 'sigcont' }), { 4: 'running' })
    t.match(await client.command(id, 'signal', { signal: 'nonsense' }), { 6: /Unknown signal/ })

    t.same((await client.command(id, 'stop')).slice(3), [true, 'terminated', null, null])
    t.match(await client.command(id, 'pause'), {
      6: 'Agent execution error: Cannot pause agent in terminal state: terminated',
    })
    t.match(await client.command(id, 'kill'), { 3: true, 4: 'terminated' })
    t.match(await client.command(id, 'write_stdin', { data: b64('late\n') }), {
      3: false,
      4: 'terminated',
    })
  })

  t.test('custom actions come in an envelope and as a command', async (t) => {
    const client = open(t)
    const id = await client.spawn('cat-cli')
    const custom = (action: string, params: unknown = null) =>
      client.ask('custom_action_request', 'a', id, action, params, null)
    const result = { n: 70_000, list: [1, null, 'x'] }
    t.same((await custom('echo', result))[5], { action: 'echo', result })
    t.match(await client.command(id, 'custom_action', { action: 'ping' }), {
      5: { action: 'ping', result: 'pong', agent_id: uuidText(id) },
    })
    t.match(await custom('get_env'), {
      5: { result: { status: 'running', name: 'a', last_status_update_secs: Number } },
    })
    t.match(await custom('dance'), {
      6: 'Agent execution error: Unknown custom action: "dance". Available actions: echo, ping, get_env',
    })
    t.match(await client.command(id, 'signal', { signal: 'KILL' }), { 3: true, 4: 'terminated' })
  })

  t.test('what an agent writes is published to whom subscribes to it', async (t) => {
    const client = open(t)
    const id = await client.spawn('cat-cli')
    const told = (await client.command(id, 'stream_logs'))[5] as Readonly<Record<string, string>>
    t.match(told, {
      enabled: true,
      topic: uuidText(id),
      pub_endpoint: /^tcp:\/\/127\.0\.0\.1:\d+$/,
    })
    const subscriber = new Subscriber({ linger: 0, receiveTimeout: 30_000 })
    t.teardown(() => subscriber.close())
    subscriber.connect(told['pub_endpoint'] ?? '')
    subscriber.subscribe(told['topic'] ?? '')
    const received = subscriber.receive()
    // A subscription is not confirmed: it writes until something comes.
    let isDone = false
    void received.finally(() => {
      isDone = true
    })
    while (!isDone) {
      await client.command(id, 'write_stdin', { data: b64('line\n') })
      await Promise.race([received, sleep(20)])
    }
    const [frame = Buffer.alloc(0)] = await received
    t.equal(frame.toString('latin1', 0, 37), `${uuidText(id)}\0`)
    const [tag, agent, stream, bytes, time, sequence] = unpack(frame.subarray(37)) as unknown[]
    t.same([tag, agent, stream, sequence], ['log_stream', id, 'stdout', 0])
    t.equal(Buffer.from(bytes as number[]).toString(), 'line\n')
    t.match(time, [Number, Number])
    await client.command(id, 'kill')
  })

  t.test('a command for many', async (t) => {
    const client = open(t)
    const first = await client.spawn('cat-cli')
    const second = await client.spawn('worse-cli', 'to stderr')
    t.match(
      await client.ask(
        'batch_control_command',
        'b',
        [first, UNKNOWN, second],
        'get_status',
        null,
        true,
      ),
      {
        0: 'batch_control_response',
        2: false,
        3: { length: 2, 0: { 1: true }, 1: { 1: false, 3: /not found/ } },
        4: 1,
        5: 1,
      },
    )
    const exited = ['control_command', 'c', second, 'get_status', null]
    await client.until(exited, (reply) => reply[4] === 'failed')
    t.match(await client.command(second, 'query_output', { max_lines: 5 }), {
      5: { stdout: [], stderr: ['to stderr'], stdout_lines: 0, stderr_lines: 1 },
    })
    t.match(await client.command(second, 'query_output'), { 5: { stderr: [], stderr_lines: 0 } })
    t.match(await client.ask('batch_control_command', 'b', [first, second], 'kill', null), {
      2: true,
      3: { 0: { 1: true, 2: 'terminated' }, 1: { 1: true, 2: 'failed' } },
      4: 2,
      5: 0,
    })
  })

  t.test('an agent that takes prompts answers its task and what is written', async (t) => {
    const client = open(t)
    const id = await client.spawn('demo', 'say one')
    const fits = (reply: readonly unknown[]) => (reply[5] as { text: unknown }).text !== null
    const said = await client.until(['control_command', 'c', id, 'read_stdout', null], fits)
    t.match(said[5], { text: /.+/ })
    t.match(await client.command(id, 'write_stdin', { data: b64('say two\n') }), { 3: true })
    t.match(await client.command(id, 'kill'), { 4: 'terminated' })
  })

  t.test('requests are served side by side, also for one who waits', async (t) => {
    const clients = Array.from({ length: 6 }, () => open(t))
    const ids = await Promise.all(clients.map((client) => client.spawn('cat-cli')))
    const stops = clients.map((client, index) => client.command(ids[index] ?? UNKNOWN, 'stop'))
    const replies = await Promise.all(stops)
    for (const reply of replies) t.match(reply, { 3: true, 4: 'terminated' })
    const dealer = new Dealer({ linger: 0 })
    t.teardown(() => dealer.close())
    dealer.connect(endpoint)
    const health = Buffer.from('92b46865616c74685f636865636b5f72657175657374a178', 'hex')
    await dealer.send(['', health])
    await dealer.send([health])
    t.equal((await dealer.receive()).length + (await dealer.receive()).length, 3)
  })

  t.test('more agents than there may be are refused', async (t) => {
    const client = open(t)
    const ids: Buffer[] = []
    for (let count = 0; count < 12; count += 1) ids.push(await client.spawn('cat-cli'))
    t.match(await client.ask('spawn_request', 's', ['a', 'cat-cli', '-', null, null, {}]), {
      2: false,
      4: 'Maximum agent limit reached: 12',
    })
    t.match(await client.ask('batch_control_command', 'b', ids, 'kill', null), { 2: true, 4: 12 })
    t.match(await client.ask('health_check_request', 'h'), { 5: 0 })
  })
})
