/** The parts of the agent protocol that decide without a broker. */
import t from 'tap'
import type { SessionInfo } from '../../clients/sdk/index.ts'
import { agentInfo, statusOf } from '../../clients/shim/agents/agent.ts'
import { MAX_INPUT_LINES, writeInput } from '../../clients/shim/agents/input.ts'
import { OneAtATime } from '../../clients/shim/agents/one-at-a-time.ts'
import { endAgent } from '../../clients/shim/rep/end-agent.ts'
import { split } from '../../clients/shim/rep/rep-socket.ts'
import { stdinData } from '../../clients/shim/rep/stdin-data.ts'
import type { Json } from '../../clients/shim/rep/wire-types.ts'

const b64 = (text: string): string => Buffer.from(text).toString('base64')

t.test('data for stdin is base64 where it can be nothing else, and text otherwise', async (t) => {
  const cases: [Json, string, number][] = [
    [{ data: b64('hi\n') }, 'hi\n', 3],
    [{ data: b64('ü') }, 'ü', 2],
    [{ data: 'test' }, 'test', 4], // base64 of three bytes that are no text
    [{ data: 'hello world' }, 'hello world', 11],
    [{ data: 'aGkK', encoding: 'utf8' }, 'aGkK', 4],
    [{ data: 'aGkK', encoding: 'base64' }, 'hi\n', 3],
    [{ data: [104, 105, 10] }, 'hi\n', 3],
    [{ data: '' }, '', 0],
  ]
  for (const [payload, text, bytes] of cases) t.same(stdinData(payload), { text, bytes })
  const bad: Json[] = [
    null,
    'hi',
    {},
    { data: 7 },
    { data: [256] },
    { data: [0xff] },
    { data: 'not base64!', encoding: 'base64' },
    { data: '/w==', encoding: 'base64' },
    { data: 'x', encoding: 'latin1' },
  ]
  for (const payload of bad) t.throws(() => stdinData(payload), { message: /^write_stdin/ })
})

t.test('input is refused as a whole when it is too much', async (t) => {
  const called: string[] = []
  const client = { call: async (method: string) => void called.push(method) }
  const write = (text: string) => writeInput(client as never, 's', text)
  await t.rejects(write('\n'.repeat(MAX_INPUT_LINES + 1)), { code: 'TOO_LARGE' })
  await t.rejects(write('x'.repeat(1_048_577)), { code: 'TOO_LARGE' })
  t.same(called, [])
  await write('one\ntwo')
  await write('three\n')
  t.same(called, Array(3).fill('session.write'))
})

t.test('work on one thing is done in turn, and a failure does not stop the next', async (t) => {
  const turns = new OneAtATime()
  const seen: string[] = []
  let release = (): void => {}
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  const first = turns.run('a', async () => {
    await gate
    seen.push('first')
    throw new Error('failed')
  })
  const second = turns.run('a', async () => seen.push('second'))
  await turns.run('b', async () => seen.push('other'))
  release()
  await t.rejects(first, { message: 'failed' })
  await second
  t.same(seen, ['other', 'first', 'second'])
  await new Promise(setImmediate)
  t.equal(turns.size, 0)
})

t.test('a request is the frame behind the first empty one', async (t) => {
  const [id, empty, body, more] = ['id', '', 'body', 'more'].map((text) => Buffer.from(text))
  const frames = (...all: (Buffer | undefined)[]) => split(all as Buffer[])
  t.same(frames(id, empty, body), { envelope: [id, empty], body })
  t.same(frames(id, empty, body, more), { envelope: [id, empty], body })
  t.same(frames(id, more, empty, body), { envelope: [id, more, empty], body })
  t.same(frames(id, body), { envelope: [id], body })
  t.same(frames(id, empty), { envelope: [id, empty], body: Buffer.alloc(0) })
  t.equal(frames(), undefined)
  t.equal(frames(id, Buffer.alloc(5000), empty, body), undefined, 'an envelope is small')
  t.equal(frames(...Array.from({ length: 20 }, () => id), empty, body), undefined, 'and short')
})

t.test('the status of an agent in the words of the old protocol', async (t) => {
  const info = (more: Partial<SessionInfo>): SessionInfo =>
    ({
      ...{ session: 's', name: '', backend: 'cat', status: 'idle', paused: '', exit_code: null },
      ...{ metadata: {}, created_at: 1, changed_at: 2, ...more },
    }) as SessionInfo
  const cases: [Partial<SessionInfo>, string][] = [
    [{ status: 'created' }, 'idle'],
    [{ status: 'lost' }, 'idle'],
    [{ status: 'starting' }, 'initializing'],
    [{ status: 'idle' }, 'running'],
    [{ status: 'running' }, 'running'],
    [{ status: 'running', paused: 'hold' }, 'paused'],
    [{ status: 'stopping' }, 'running'],
    [{ status: 'ended', exit_code: 0 }, 'completed'],
    [{ status: 'ended', exit_code: null }, 'terminated'],
    [{ status: 'ended', exit_code: 0, metadata: { terminated: true } }, 'terminated'],
    [{ status: 'failed', exit_code: 3 }, 'failed'],
  ]
  for (const [more, status] of cases) t.equal(statusOf(info(more)), status)
  const notes = { agent_name: 'Ann', agent_type: 'cat-cli', task: 'look', paused_at: 7 }
  t.match(agentInfo(info({ paused: 'freeze', metadata: notes })), {
    ...{ name: 'Ann', model_backend: 'cat-cli', task: 'look', paused_at: 7, pause_mode: 'forced' },
  })
  t.match(agentInfo(info({ metadata: notes })), { paused_at: null, pause_mode: null })
  t.match(agentInfo(info({})), { name: 's', model_backend: 'cat', task: '', started_at: 1 })
})

t.test('a wish to end an agent that fails is not noted', async (t) => {
  const called: unknown[] = []
  const client = {
    call: async (method: string, params: { metadata?: unknown }) => {
      called.push(params.metadata ?? method)
      if (method === 'session.stop') throw new Error('away')
    },
  }
  await t.rejects(endAgent(client as never, 's', 'session.stop'), { message: 'away' })
  t.same(called, [{ terminated: true }, 'session.stop', { terminated: null }])
})
