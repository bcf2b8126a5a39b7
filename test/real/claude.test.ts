/** The real Claude Code through broker and host, against the fake model: the main job on real input. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { SessionHandle } from '../../clients/sdk/index.ts'
import { only, textOf, turn, until } from '../support/chunks.ts'
import { Cluster, type Part } from '../support/cluster.ts'
import { FakeModel } from '../support/fake-model/index.ts'
import { showed } from './capability-table.ts'
import { cliPath, skipReason } from './clis.ts'
import { realEnvironment } from './environment.ts'

const skip = skipReason('claude')

interface Stage {
  readonly cluster: Cluster
  readonly broker: Part
  readonly model: FakeModel
  readonly workspace: string
  readonly create: (more?: object) => Promise<SessionHandle>
}

async function stage(t: Test): Promise<Stage> {
  const model = new FakeModel()
  await model.start()
  t.teardown(() => model.stop())
  const { env, workspace } = await realEnvironment(t, 'claude', model.url)
  const cluster = await Cluster.make(t)
  const broker = await cluster.broker()
  const names = Object.keys(env).flatMap((name) => ['--pass-env', name])
  await cluster.host({
    env,
    args: ['--claude-command', cliPath('claude'), '--root', workspace, ...names],
  })
  const client = await cluster.connect()
  const create = (more: object = {}) =>
    client.createSession({
      backend: 'claude',
      cwd: workspace,
      model: 'sonnet',
      allowed_tools: ['Bash'],
      ...more,
    })
  return { cluster, broker, model, workspace, create }
}

t.test('two turns with a tool call come through as chunks', { skip }, async (t) => {
  const { create, model, workspace } = await stage(t)
  const session = await create()
  t.match(session.info, { backend: 'claude', status: 'idle', cwd: workspace })

  const first = await turn(session, '@@tool(echo from-the-tool > made.txt && cat made.txt)')
  t.match(first[0], { type: 'prompt', turn: 1, principal: 'local' })
  t.equal(textOf(first, 'thinking'), 'I should run it.')
  t.equal(textOf(first), 'Running a command.The command is done.')
  const [start] = only(first, 'tool_use_start')
  const [input] = only(first, 'tool_use_input')
  const [result] = only(first, 'tool_result')
  t.match(start, { tool_name: 'Bash' })
  t.match(input, { tool_id: start?.tool_id, input: { command: /^echo from-the-tool/ } })
  t.match(result, { tool_id: start?.tool_id, result: 'from-the-tool', is_error: false })
  t.ok(existsSync(join(workspace, 'made.txt')), 'the tool really ran')
  t.match(only(first, 'usage'), [{ turn: 1 }])
  t.match(first.at(-1), { type: 'turn_complete', turn: 1, turn_number: 1, reason: 'end_turn' })

  const second = await turn(session, '@@recall')
  t.equal(textOf(second), 'I see 2 user turns with markers.', 'both turns ran in one conversation')
  t.match(second.at(-1), { type: 'turn_complete', turn_number: 2, reason: 'end_turn' })
  t.equal((await session.refresh()).pid, session.info.pid, 'in one process')

  const ended = await session.stop()
  t.match(ended, { status: 'ended', exit_code: 0, pid: null })
  t.ok(model.url)
  showed(t, 'claude', 'text', 'thinking', 'tool', 'turns', 'usage')
})

t.test('a system prompt reaches the model, and no command line', { skip }, async (t) => {
  const { create, model } = await stage(t)
  const session = await create({ system_prompt: '- always answer in Klingon' })
  await turn(session, '@@text')
  const request = await model.request(({ notes }) => notes?.scenario === 'text')
  t.match(JSON.stringify(request.body), /- always answer in Klingon/)
  t.notMatch(readFileSync(`/proc/${session.info.pid}/cmdline`, 'utf8'), /Klingon/)
})

t.test('an interrupt ends the turn and the process lives on', { skip }, async (t) => {
  const { create } = await stage(t)
  const session = await create()
  const { sequence } = await session.prompt('@@slow(300)')
  const seen = await until(session.follow({ from: sequence }), ({ type }) => type === 'text')
  t.match(seen.at(-1), { type: 'text', turn: 1 })
  t.match(await session.interrupt(), { interrupted: true, turn: 1 })
  const rest = await until(
    session.follow({ from: sequence }),
    ({ type }) => type === 'turn_complete',
  )
  t.match(rest.at(-1), { turn_number: 1, reason: 'interrupted' })
  t.strictSame(only(rest, 'error'), [], 'an interrupt is no error')
  const next = await turn(session, '@@text')
  t.match(next.at(-1), { type: 'turn_complete', turn_number: 2, reason: 'end_turn' })
  showed(t, 'claude', 'interrupt')
})

t.test('a killed process is recovered with its conversation', { skip }, async (t) => {
  const { create } = await stage(t)
  const session = await create()
  await turn(session, '@@text')
  const { pid } = await session.refresh()
  process.kill(pid ?? 0, 'SIGKILL')
  const seen = await until(session.follow(), ({ type }) => type === 'complete')
  t.match(seen.at(-1), { type: 'complete', exit_code: null, signal: 'SIGKILL' })
  t.match(await session.refresh(), { status: 'failed', signal: 'SIGKILL' })

  const recovered = await session.recover()
  t.match(recovered, { status: 'idle', epoch: 2 })
  t.not(recovered.pid, pid, 'in a new process')
  const after = await turn(session, '@@recall')
  t.equal(textOf(after), 'I see 2 user turns with markers.', 'that knows the first turn')
  showed(t, 'claude', 'resume')
})

t.test(
  'a refusal of the model is an error of the turn, in the words of the CLI',
  { skip },
  async (t) => {
    const { create } = await stage(t)
    const session = await create()
    const seen = await turn(session, '@@401')
    const error = only(seen, 'error').at(-1)
    t.match(error, { kind: 'auth', message: /401/ })
    t.equal(textOf(seen), '', 'and no text of the model')
    t.match(seen.at(-1), { type: 'turn_complete', reason: 'error' })
    t.equal(textOf(await turn(session, '@@text')).length > 0, true, 'and the session lives on')
    showed(t, 'claude', 'failures')
  },
)

/** Prompts for a command that Claude Code asks about, and resolves with its question. */
async function question(session: SessionHandle, command: string) {
  const { sequence } = await session.prompt(`@@tool(${command})`)
  const seen = await until(
    session.follow({ from: sequence }),
    ({ type }) => type === 'approval_request',
  )
  const [asked] = only(seen, 'approval_request')
  if (!asked) throw new Error('it did not ask')
  const rest = () =>
    until(session.follow({ from: sequence }), ({ type }) => type === 'turn_complete')
  return { asked, rest }
}

const careful = { allowed_tools: [] }

t.test('a tool that is allowed runs, and one that is denied does not', { skip }, async (t) => {
  const { create, workspace } = await stage(t)
  const exists = (name: string) => existsSync(join(workspace, name))
  const session = await create(careful)
  const first = await question(session, 'touch allowed.txt')
  t.match(first.asked, { tool_name: 'Bash', input: { command: 'touch allowed.txt' } })
  t.equal(exists('allowed.txt'), false, 'it waits')
  t.match(await session.answer(first.asked.approval, 'allow'), { state: 'applied' })
  t.match((await first.rest()).at(-1), { type: 'turn_complete', reason: 'end_turn' })
  t.equal(exists('allowed.txt'), true)

  const second = await question(session, 'touch denied.txt')
  const message = 'the user does not want that file'
  await session.answer(second.asked.approval, { decision: 'deny', message })
  const seen = await second.rest()
  t.match(only(seen, 'tool_result'), [{ is_error: true, result: new RegExp(message) }])
  t.match(only(seen, 'approval_settled'), [{ outcome: 'deny', by: 'local', reason: message }])
  t.match(seen.at(-1), { reason: 'end_turn' }, 'the model goes on without it')
  t.equal(exists('denied.txt'), false)
  showed(t, 'claude', 'allow', 'deny')
})

t.test(
  'the mode of a live session is changed, and one that it lacks is refused',
  { skip },
  async (t) => {
    const { create, workspace } = await stage(t)
    const session = await create(careful)
    await t.rejects(session.setMode('nonsense'), { code: 'MODE_REFUSED' })
    await session.setMode('acceptEdits')
    const seen = await turn(session, `@@write(${join(workspace, 'accepted.txt')})`)
    t.strictSame(only(seen, 'approval_request'), [], 'it does not ask for an edit any more')
    t.equal(existsSync(join(workspace, 'accepted.txt')), true)
    showed(t, 'claude', 'mode')
  },
)

t.test('always is not asked again, and means no more than that', { skip }, async (t) => {
  const { create, workspace } = await stage(t)
  const session = await create(careful)
  const first = await question(session, 'touch always.txt')
  t.ok(first.asked.options.includes('allow_always'))
  await session.answer(first.asked.approval, 'allow_always')
  await first.rest()
  const again = await turn(session, '@@tool(touch always.txt)')
  t.same(only(again, 'approval_request'), [])
  t.match(only(again, 'tool_result'), [{ is_error: false }])
  const other = await question(session, 'touch other.txt')
  await session.answer(other.asked.approval, { decision: 'deny', interrupt: true })
  t.match((await other.rest()).at(-1), { reason: 'interrupted' })
  t.equal(existsSync(join(workspace, 'other.txt')), false)
})

t.test('an interrupt while it waits for an answer withdraws the question', { skip }, async (t) => {
  const { create, workspace } = await stage(t)
  const session = await create(careful)
  const { asked, rest } = await question(session, 'touch cut.txt')
  await session.interrupt()
  const seen = await rest()
  t.match(only(seen, 'approval_settled'), [{ approval: asked.approval, outcome: 'withdrawn' }])
  t.match(seen.at(-1), { reason: 'interrupted' })
  await t.rejects(session.answer(asked.approval, 'allow'), { code: 'SETTLED' })
  t.equal(existsSync(join(workspace, 'cut.txt')), false)
  t.match((await turn(session, '@@text')).at(-1), { reason: 'end_turn' })
})

t.test('a broker that is killed while it waits costs no question', { skip }, async (t) => {
  const { cluster, broker, create, workspace } = await stage(t)
  const session = await create(careful)
  const { asked, rest } = await question(session, 'touch late.txt')
  await cluster.signal(broker, 'SIGKILL')
  await cluster.broker()
  await session.answer(asked.approval, 'allow')
  t.match((await rest()).at(-1), { reason: 'end_turn' })
  t.equal(existsSync(join(workspace, 'late.txt')), true)
})
