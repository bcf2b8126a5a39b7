/** The acp backend against an agent on the official SDK, which checks what it is told by its schemas. */
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { StreamItem } from '../../clients/sdk/index.ts'
import { only, textOf, turn, until } from '../support/chunks.ts'
import { Cluster } from '../support/cluster.ts'

const ORACLE = fileURLToPath(new URL('../support/acp-oracle.js', import.meta.url))

t.test('an agent on the official SDK understands every word', async (t) => {
  const cluster = await Cluster.make(t)
  await cluster.broker()
  const oracle = { command: process.execPath, args: [ORACLE], env: { ORACLE_MEMORY: cluster.dir } }
  const agents = JSON.stringify({ oracle })
  await cluster.host({ args: ['--root', cluster.workspace, '--acp-agents', agents] })
  const client = await cluster.connect()
  const session = await client.createSession({ backend: 'oracle', cwd: cluster.workspace })

  const first = await turn(session, 'hello')
  t.equal(textOf(first), '0 before: hello')
  t.equal(textOf(first, 'thinking'), 'hm')

  for (const [decision, told] of [
    ['allow', 'allow'],
    ['deny', 'reject'],
  ] as const) {
    const { sequence } = await session.prompt('tool')
    const isAsked = ({ type }: StreamItem) => type === 'approval_request'
    const [asked] = only(
      await until(session.follow({ from: sequence }), isAsked),
      'approval_request',
    )
    t.match(await session.answer(asked?.approval ?? '', decision), { state: 'applied' })
    const isEnd = ({ type }: StreamItem) => type === 'turn_complete'
    const seen = await until(session.follow({ from: sequence }), isEnd)
    t.match(only(seen, 'tool_use_start'), [{ tool_name: /./ }])
    t.match(only(seen, 'tool_result'), [
      { result: `the answer was ${told}`, is_error: decision === 'deny' },
    ])
  }

  const { sequence } = await session.prompt('wait')
  await until(session.follow({ from: sequence }), ({ type }) => type === 'thinking')
  t.match(await session.interrupt(), { interrupted: true })
  const waited = await until(
    session.follow({ from: sequence }),
    ({ type }) => type === 'turn_complete',
  )
  t.match(waited.at(-1), { reason: 'interrupted' })

  await session.setMode('auto')
  t.strictSame(only(await turn(session, 'tool'), 'approval_request'), [], 'it asks no more')

  await session.kill()
  t.match(await session.recover(), { status: 'idle', epoch: 2 })
  const after = await turn(session, 'again')
  t.equal(textOf(after), '5 before: again', 'it was loaded, and what it played back is not told')
  const all = await until(
    session.follow(),
    (item) => item.type === 'turn_complete' && item.turn_number === 6,
  )
  t.strictSame(only(all, 'error'), [], 'no request failed the schemas')
  t.strictSame(only(all, 'stderr'), [])
  await session.stop()
})
