/** The Unix socket before a real broker and host. */
import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { Cluster } from '../support/cluster.ts'
import { rawSocket } from '../support/raw-socket.ts'

const CAT = '{"cat":{"command":"cat","extra_args":true}}'

/** What comes back for bytes as they are; the sending side stays open unless `isEnded`. */
async function exchange(t: Test, path: string, bytes: string | Buffer, isEnded = false) {
  const { socket, ended } = await rawSocket(t, { path })
  if (isEnded) socket.end(bytes)
  else socket.write(bytes)
  return ended
}

async function call(t: Test, path: string, method: string, params: unknown): Promise<unknown> {
  const line = JSON.stringify({ jsonrpc: '2.0', method, params, id: 1 })
  const text = await exchange(t, path, `${line}\n`)
  t.match(text, /^[^\n]+\n$/, 'one line and the end')
  return JSON.parse(text)
}

t.test('one exchange for each connection', async (t) => {
  const cluster = await Cluster.make(t)
  await cluster.broker()
  await cluster.host({ args: ['--root', cluster.workspace, '--stdio-commands', CAT] })
  await cluster.shim({ args: ['--unix-line-bytes', '1000', '--unix-idle-ms', '400'] })
  const path = join(cluster.dir, 'daemon.sock')
  const client = await cluster.connect()
  t.equal(statSync(path).mode & 0o777, 0o600)

  t.test('a spawned program runs until it is paused, and goes on', async (t) => {
    const spawned = await call(t, path, 'spawn', ['a', 'cat-cli', { task: '-' }])
    const { result: agent } = spawned as { readonly result: string }
    const { pid } = await client.call('session.get', { session: agent })
    t.doesNotThrow(() => process.kill(Number(pid), 0))
    t.match(await call(t, path, 'get_state', [agent]), {
      result: { status: 'Running', model_backend: 'cat-cli', task: '-' },
    })
    t.match(await call(t, path, 'agent.pause', [agent]), {
      result: { pause_mode: 'cooperative' },
    })
    t.match(await call(t, path, 'agent.pause', [agent]), {
      error: { code: -32013, message: 'Agent is not running (status: Paused)' },
    })
    t.match(await call(t, path, 'agent.resume', [agent]), { result: { agent_id: agent } })
  })

  t.test('what no host names is not run', async (t) => {
    const error = { code: -32603, message: /'sh-cli': No such file or directory \(os error 2\)$/ }
    t.match(await call(t, path, 'spawn', ['a', 'sh-cli', { task: '-c true' }]), { error })
    t.match(await call(t, path, 'spawn', ['a', 'worker', {}]), {
      error: { message: /Unsupported model backend for process spawning: worker/ },
    })
  })

  t.test('tasks', async (t) => {
    const { task } = await client.call('task.create', { title: 'one', assigned_to: 'me' })
    await client.call('task.create', { title: 'two', status: 'in_progress' })
    const names = async (filter: unknown): Promise<unknown> => {
      const { result } = (await call(t, path, 'list_tasks', [filter])) as {
        readonly result: readonly { readonly name: string }[]
      }
      return result.map(({ name }) => name)
    }
    t.same(await names(null), ['two', 'one'])
    for (const status of ['inprogress', 'InProgress', 'in_progress']) {
      t.same(await names({ status }), ['two'], status)
    }
    t.same(await names({ assigned_to: 'me' }), ['one'])
    t.same(await names({ status: 'pending' }), [])
    t.match(await call(t, path, 'approve', [task, true]), { result: { approved: true } })
    t.match(await client.call('task.get', { task }), { status: 'in_progress' })
    t.match(await call(t, path, 'approve', [task.slice(0, 8), true]), {
      error: { code: -32602, message: /^Invalid task ID format: / },
    })
  })

  t.test('lines', async (t) => {
    const line = '{"jsonrpc":"9","method":"list_tasks","id":7}'
    t.match(await exchange(t, path, `${line}\n${line}\n`), /^[^\n]*"id":7\}\n$/)
    t.match(await exchange(t, path, line, true), /"id":7/, 'the end is an end of line')
    t.match(await exchange(t, path, '  \n'), /"code":-32600/)
    t.match(await exchange(t, path, '{\n'), /"code":-32700,"message":"Parse error"/)
    t.equal(await exchange(t, path, Buffer.from([0x7b, 0xff, 0x0a])), '', 'no UTF-8, no reply')
    t.equal(await exchange(t, path, '', true), '')
    t.match(await exchange(t, path, 'x'.repeat(1001)), /at most 1000 bytes/)
    t.equal(await exchange(t, path, '{"jsonrpc"'), '', 'a line that does not come to its end')
    const drops = await rawSocket(t, { path })
    const drip = setInterval(() => drops.socket.write(' '), 50)
    t.equal(await drops.ended, '', 'nor one that comes byte by byte')
    clearInterval(drip)
  })

  t.test('a socket that somebody listens on is not taken', async (t) => {
    const second = await cluster.shim()
    t.match(second.ready, { closed: [{ door: 'unix', reason: /is in use/ }] })
    t.match(await call(t, path, 'get_state', null), { result: { entity_type: 'system' } })
    t.equal(await cluster.signal(second, 'SIGTERM'), 0)
    t.ok(existsSync(path), 'nor taken away')
  })
})

t.test('a socket that was left behind is replaced', async (t) => {
  const cluster = await Cluster.make(t)
  const path = join(cluster.dir, 'daemon.sock')
  await cluster.broker()
  const first = await cluster.shim()
  await cluster.signal(first, 'SIGKILL')
  t.ok(existsSync(path))
  const second = await cluster.shim()
  t.match(second.ready, { closed: [] })
  t.match(await call(t, path, 'list_tasks', [null]), { result: [] })
  await cluster.signal(second, 'SIGTERM')
  t.notOk(existsSync(path))
})

t.test('connections beyond the limit are closed', async (t) => {
  const cluster = await Cluster.make(t)
  await cluster.broker()
  await cluster.shim({ args: ['--unix-connections', '1'] })
  const path = join(cluster.dir, 'daemon.sock')
  const held = await rawSocket(t, { path })
  held.socket.write('{')
  t.equal(await exchange(t, path, '{}\n'), '')
  held.socket.write('\n')
  t.match(await held.ended, /Parse error/)
})
