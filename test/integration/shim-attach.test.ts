/** Attach sockets of a real shim, with real programs behind them. */
import { randomUUID } from 'node:crypto'
import { existsSync, statSync, unlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import t, { type Test } from 'tap'
import type { Client, SessionHandle } from '../../clients/sdk/index.ts'
import { brokerStore } from '../../clients/shim/attach/key-store.ts'
import { AttachTokens } from '../../clients/shim/attach/tokens.ts'
import { AttachClient, type Payload } from '../support/attach-client.ts'
import { until } from '../support/chunks.ts'
import { Cluster, type Part } from '../support/cluster.ts'

const COMMANDS = {
  cat: { command: 'cat', idle_ms: 50 },
  both: {
    command: 'sh',
    args: ['-c', 'while read l; do echo "$l"; echo "$l" >&2; done'],
    idle_ms: 50,
  },
  flood: { command: 'sh', args: ['-c', 'read l; yes "$(head -c 1000 /dev/zero | tr "\\0" x)"'] },
}
const b64 = (text: string): string => Buffer.from(text).toString('base64')
const plain = (data: unknown): string => Buffer.from(String(data), 'base64').toString()

t.test('attach sockets', async (t) => {
  const cluster = await Cluster.make(t)
  await cluster.broker()
  const args = ['--root', cluster.workspace, '--stdio-commands', JSON.stringify(COMMANDS)]
  await cluster.host({ args: [...args, '--stop-ms', '300'] })
  let shim: Part = await cluster.shim({ args: ['--attach-sessions', '2'] })
  const client: Client = await cluster.connect()
  const tokens = new AttachTokens({
    store: brokerStore(client),
    wall: Date.now,
    uuid: randomUUID,
    ttlMs: 300_000,
  })
  const pathOf = (id: string): string => join(cluster.dir, `descartes-attach-${id}.sock`)
  /** The shim hears of pauses a little later than who paused. */
  const exists = async (path: string, wanted = true): Promise<void> => {
    while (existsSync(path) !== wanted) await sleep(5)
  }
  const start = async (backend: string): Promise<SessionHandle> => {
    const metadata = { mode: 'agent', agent_name: 'Ann', task: 'look' }
    return client.createSession({ backend, cwd: cluster.workspace, metadata })
  }
  const pause = async (session: SessionHandle): Promise<string> => {
    await client.call('session.pause', { session: session.id, mode: 'hold' })
    await exists(pathOf(session.id))
    return (await tokens.issue(session.id)).token
  }
  const attach = async (t: Test, session: SessionHandle, token: string): Promise<AttachClient> => {
    const attached = await AttachClient.open(t, pathOf(session.id))
    t.match(await attached.hello(token), { success: true, agent_id: session.id })
    return attached
  }

  t.test('one sees what was, what is, and writes', async (t) => {
    const session = await start('both')
    const { sequence } = await session.prompt('before')
    const isLast = ({ type }: { type: string }): boolean => type === 'turn_complete'
    await until(session.follow({ from: sequence }), isLast)
    const token = await pause(session)
    t.equal(statSync(pathOf(session.id)).mode & 0o777, 0o600)
    const attached = await AttachClient.open(t, pathOf(session.id))
    t.same(await attached.hello(token), {
      success: true,
      agent_id: session.id,
      agent_name: 'Ann',
      agent_task: 'look',
      buffered_output_lines: 2,
      server_capabilities: ['stdin', 'stdout', 'stderr', 'history'],
    })
    const history = await attached.next('historical_output')
    t.match(history, {
      stdout: [b64('before\n')],
      stderr: [b64('before\n')],
      timestamp_start: Number,
      timestamp_end: Number,
      stdout_bytes: 7,
      stderr_bytes: 7,
    })
    t.same(await attached.frame(), { type: 'ping', payload: {}, seq: 1 })
    attached.send('pong', {}, 1)
    attached.send('ping', {}, 41)
    t.same(await attached.frame(), { type: 'pong', payload: {}, seq: 41 })
    attached.send('read_output', {})
    attached.send('stdin', { data: b64('now\nla'), bytes: 6 })
    attached.send('stdin', { data: b64('ter\n'), bytes: 4 })
    const seen: string[] = []
    while (seen.length < 4) {
      const frame = await attached.frame()
      if (frame?.type !== 'stdout' && frame?.type !== 'stderr') continue
      t.match(frame.payload, { bytes: Number, timestamp: Number })
      seen.push(`${frame.type} ${plain((frame.payload as Payload)['data'])}`)
    }
    const wanted = ['stderr later\n', 'stderr now\n', 'stdout later\n', 'stdout now\n']
    t.same(seen.sort(), wanted)
    attached.send('dance', {})
    t.match(await attached.next('error'), { error: 'Unexpected message type: dance' })
    attached.send('stdin', { nothing: 1 })
    t.match(await attached.next('error'), { error: /data is base64/ })
    attached.send('disconnect', {})
    await attached.ended()
    await session.kill()
    await exists(pathOf(session.id), false)
  })

  t.test('who may not come in is told why', async (t) => {
    const session = await start('cat')
    const other = await start('cat')
    const token = await pause(session)
    const foreign = await pause(other)
    const refused = async (token: string, more: Payload = {}): Promise<unknown> => {
      const attached = await AttachClient.open(t, pathOf(session.id))
      const { success, error, buffered_output_lines, server_capabilities } = await attached.hello(
        token,
        more,
      )
      t.same([success, buffered_output_lines, server_capabilities], [false, 0, []])
      await attached.ended()
      return error
    }
    t.equal(await refused('nonsense'), 'Invalid or expired token')
    t.equal(await refused(foreign), 'Token not valid for this agent')
    t.equal(
      await refused(token, { version: '9' }),
      'Protocol version mismatch: expected 1.0, got 9',
    )
    const early = await AttachClient.open(t, pathOf(session.id))
    early.send('stdin', {})
    t.match(await early.next('handshake_response'), { error: 'Expected handshake message' })
    const garbage = await AttachClient.open(t, pathOf(session.id))
    garbage.socket.write(Buffer.from('GET / HTTP/1.1\r\n\r\n'))
    t.match(await garbage.next('handshake_response'), { error: /^Read error: a frame of/ })

    const first = await attach(t, session, token)
    await attach(t, session, token)
    t.equal(
      await refused(token),
      `Resource exhausted: Maximum concurrent sessions (2) reached for agent ${session.id}`,
    )
    await tokens.revoke(token)
    t.equal(await refused(token), 'Invalid or expired token')
    await client.call('session.resume', { session: session.id })
    await first.next('disconnect')
    await first.ended()
    await exists(pathOf(session.id), false)
    await session.kill()
    await other.kill()
    t.notMatch(cluster.logOf('clients/shim'), new RegExp(`${token}|${foreign}`))
  })

  t.test('the right to attach is asked for over HTTP', async (t) => {
    const session = await start('cat')
    const [url = ''] = (shim.ready['doors'] as { http: string[] }).http
    const rpc = async (method: string, ...params: unknown[]): Promise<Payload> => {
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params })
      return (await (await fetch(url, { method: 'POST', body })).json()) as Payload
    }
    t.match(await rpc('agent.attach.request', session.id), {
      error: {
        code: -32015,
        message: /^Cannot attach to agent that is not paused \(status: Running\)$/,
      },
    })
    await rpc('agent.pause', session.id)
    const asked = await rpc('agent.attach.request', session.id, 'claude-code')
    const { token, connect_url, expires_at } = asked['result'] as Record<string, unknown>
    t.equal(connect_url, pathOf(session.id))
    t.match(expires_at, Number)
    const valid = { valid: true, agent_id: session.id, expires_at: null }
    t.same((await rpc('agent.attach.validate', token))['result'], valid)
    const first = await attach(t, session, String(token))
    await attach(t, session, String(token))
    t.match(await rpc('agent.attach.request', session.id), {
      error: {
        code: -32015,
        message: `Failed to create attach credentials: Resource exhausted: Maximum concurrent sessions (2) reached for agent ${session.id}`,
      },
    })
    t.same((await rpc('agent.attach.revoke', token))['result'], { revoked: true })
    await first.next('disconnect')
    t.same((await rpc('agent.attach.revoke', token))['result'], { revoked: true })
    const none = { valid: false, agent_id: null, expires_at: null }
    t.same((await rpc('agent.attach.validate', token))['result'], none)
    t.same((await rpc('agent.attach.revoke', 'nonsense'))['result'], { revoked: false })
    await session.kill()
  })

  t.test('the next shim has the sockets of the last one', async (t) => {
    const [paused, ended, taken] = [await start('cat'), await start('cat'), await start('cat')]
    const token = await pause(paused)
    await pause(ended)
    await pause(taken)
    await cluster.signal(shim, 'SIGKILL')
    await ended.kill()
    t.ok(existsSync(pathOf(ended.id)), 'a killed shim leaves its files')
    const path = pathOf(taken.id)
    const owner = createServer()
    unlinkSync(path)
    await new Promise<void>((resolve) => owner.listen(path, resolve))
    shim = await cluster.shim({ args: ['--attach-sessions', '2'] })
    const attached = await attach(t, paused, token)
    attached.send('stdin', { data: b64('again\n'), bytes: 6 })
    t.match(await attached.next('stdout'), { data: b64('again\n') })
    t.match(cluster.logOf('clients/shim'), /is in use|IN_USE/, 'a live owner keeps its path')
    await new Promise((resolve) => owner.close(resolve))
    await paused.kill()
    await taken.kill()
  })

  t.test('an agent that takes prompts gets what is written as one', async (t) => {
    const session = await start('demo')
    const token = await pause(session)
    const attached = await attach(t, session, token)
    await attached.next('ping')
    attached.send('stdin', { data: b64('say hello\n'), bytes: 10 })
    const isPrompt = ({ type }: { type: string }): boolean => type === 'prompt'
    t.match((await until(session.follow(), isPrompt)).at(-1), { text: 'say hello' })
    await session.kill()
    await attached.next('disconnect')
  })

  t.test('a client that does not read delays nobody', async (t) => {
    const session = await start('flood')
    const token = await pause(session)
    const lazy = await attach(t, session, token)
    await lazy.next('ping')
    lazy.socket.pause()
    lazy.send('stdin', { data: b64('go\n'), bytes: 3 })
    const other = await attach(t, session, token)
    for (let count = 0; count < 2000; count += 1) {
      const { bytes } = await other.next('stdout')
      if (bytes !== 1001) t.fail('a line is not whole')
    }
    await session.kill()
  })

  t.test('a shim that is told to end does so', async (t) => {
    t.equal(await cluster.signal(shim, 'SIGTERM'), 0)
  })
})
