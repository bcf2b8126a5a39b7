/** The real Codex through broker and host, against the fake model. codex-driver.test.ts has the details. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { only, textOf, turn, until } from '../support/chunks.ts'
import { skipReason } from './clis.ts'
import { realStage } from './real-stage.ts'

const skip = skipReason('codex')
const FREE = { permission_mode: 'never+danger-full-access' }

t.test('two turns with a tool call come through as chunks', { skip }, async (t) => {
  const { create, workspace } = await realStage(t, 'codex')
  const session = await create(FREE)
  const first = await turn(session, '@@tool(echo from-the-tool > made.txt && cat made.txt)')
  t.equal(textOf(first, 'thinking'), 'I should run it.')
  t.equal(textOf(first), 'Running a command.The command is done.')
  t.match(only(first, 'tool_result'), [{ result: 'from-the-tool\n', is_error: false }])
  t.ok(existsSync(join(workspace, 'made.txt')), 'the tool really ran')
  const second = await turn(session, '@@recall')
  t.equal(textOf(second), 'I see 2 user turns with markers.')
  t.match(second.at(-1), { type: 'turn_complete', turn_number: 2, reason: 'end_turn' })
  t.match(await session.stop(), { status: 'ended', exit_code: 0 })
})

t.test('a stop in a turn ends the turn first, and then the process', { skip }, async (t) => {
  const { create } = await realStage(t, 'codex')
  const session = await create(FREE)
  const { sequence } = await session.prompt('@@slow(300)')
  await until(session.follow({ from: sequence }), ({ type }) => type === 'text')
  t.match(await session.stop(), { status: 'ended', exit_code: 0 })
  const seen = await until(session.follow({ from: sequence }), ({ type }) => type === 'complete')
  t.match(only(seen, 'turn_complete'), [{ turn_number: 1, reason: 'interrupted' }])
})

t.test('a killed process is recovered by the id that codex chose', { skip }, async (t) => {
  const { create } = await realStage(t, 'codex')
  const session = await create(FREE)
  await turn(session, '@@text')
  const { pid } = await session.refresh()
  process.kill(pid ?? 0, 'SIGKILL')
  await until(session.follow(), ({ type }) => type === 'complete')
  t.match(await session.recover(), { status: 'idle', epoch: 2 })
  const after = await turn(session, '@@recall')
  t.equal(textOf(after), 'I see 2 user turns with markers.', 'it knows the first turn')
})

t.test('a session that was never prompted is recovered too', { skip }, async (t) => {
  const { create } = await realStage(t, 'codex')
  const session = await create(FREE)
  const { pid } = await session.refresh()
  process.kill(pid ?? 0, 'SIGKILL')
  await until(session.follow(), ({ type }) => type === 'complete')
  t.match(await session.recover(), { status: 'idle', epoch: 2 })
  t.equal(textOf(await turn(session, '@@recall')), 'I see 1 user turns with markers.')
})

t.test('what is allowed runs and what is denied does not', { skip }, async (t) => {
  const { create, client, workspace } = await realStage(t, 'codex')
  for (const decision of ['allow', 'deny'] as const) {
    const session = await create({ permission_mode: 'untrusted+danger-full-access' })
    const { sequence } = await session.prompt(`@@tool(touch ${decision}.txt)`)
    const asked = await until(
      session.follow({ from: sequence }),
      ({ type }) => type === 'approval_request',
    )
    const [question] = only(asked, 'approval_request')
    t.match(question, { tool_name: 'commandExecution', options: ['allow', 'deny'] })
    await client.answer(question?.approval ?? '', decision)
    const rest = await until(
      session.follow({ from: sequence }),
      ({ type }) => type === 'turn_complete',
    )
    t.match(only(rest, 'approval_settled'), [{ outcome: decision }])
    t.match(rest.at(-1), { reason: 'end_turn' })
    t.equal(existsSync(join(workspace, `${decision}.txt`)), decision === 'allow')
  }
})
