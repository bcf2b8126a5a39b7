/** The real Codex through its driver alone, against the fake model. Each conversation can be recorded. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { BackendEvent, StartOptions } from '../../agent-host/backends/backend.ts'
import { createCodex } from '../../agent-host/backends/codex.ts'
import { Conversation, eventsOf, said } from '../support/conversation.ts'
import { FakeModel } from '../support/fake-model/index.ts'
import { type Shown, showed } from './capability-table.ts'
import { cliPath, skipReason } from './clis.ts'
import { realEnvironment } from './environment.ts'
import { type Ground, keep } from './record.ts'

const skip = skipReason('codex')
const codex = createCodex()

/** Everything is allowed and nothing asked, for tests of something else. */
const FREE = { permissionMode: 'never+danger-full-access' }
const ASKING = { permissionMode: 'untrusted+danger-full-access' }

type Open = (options?: Partial<StartOptions>) => Promise<Conversation>

/** A test with a model and a place of its own; its last conversation is the one that is kept. */
function real(
  name: string,
  what: string,
  shown: readonly Shown[],
  run: (t: Test, open: Open, at: Ground & { readonly model: FakeModel }) => Promise<void>,
): void {
  t.test(what, { skip }, async (t) => {
    const model = new FakeModel()
    await model.start()
    t.teardown(() => model.stop())
    const environment = await realEnvironment(t, 'codex', model.url)
    const at = { ...environment, modelUrl: model.url, model }
    let last: Conversation | undefined
    const open: Open = async (options = FREE) => {
      last = await Conversation.begin(t, {
        backend: codex,
        command: cliPath('codex'),
        env: environment.env,
        options: { cwd: environment.workspace, ...options },
      })
      return last
    }
    await run(t, open, at)
    await last?.kill()
    if (last) keep(t, 'codex', name, last, at)
    showed(t, 'codex', ...shown)
  })
}

const lastOf = (events: readonly BackendEvent[]) => events.at(-1)

real('text', 'a prompt is answered', ['text', 'usage'], async (t, open) => {
  const talk = await open({ ...FREE, systemPrompt: 'Be brief.', thinking: 'high' })
  const ready = await talk.next('ready')
  t.match(ready, { nativeSessionId: /^[0-9a-f-]{36}$/, model: 'gpt-5.1-codex' })
  t.not(ready.nativeSessionId, talk.options.nativeSessionId, 'an id of its own')
  const events = await talk.turn('@@text')
  t.equal(said(events), 'Hello from the fake model, turn 1.')
  t.match(events.slice(-2), [
    { type: 'usage', inputTokens: 25, outputTokens: 10 },
    { type: 'turn_end', reason: 'end_turn' },
  ])
})

real('thinking', 'reasoning comes as such', ['thinking'], async (t, open, { model }) => {
  const talk = await open({ ...FREE, thinking: 'high' })
  await talk.next('ready')
  const events = await talk.turn('@@think')
  t.equal(said(events, 'thinking'), 'Let me think. The answer is simple.')
  t.equal(said(events), 'The answer is 42.')
  const { body } = await model.request(({ notes }) => notes?.scenario === 'think')
  t.match(body, { reasoning: { effort: 'high' } })
})

real('tool', 'a tool runs and its output is told', ['tool', 'turns'], async (t, open, at) => {
  const talk = await open()
  await talk.next('ready')
  const events = await talk.turn('@@tool(echo from-the-tool > made.txt && cat made.txt)')
  t.equal(said(events), 'Running a command.The command is done.')
  const [start] = eventsOf(events, 'tool_use_start')
  const [input] = eventsOf(events, 'tool_use_input')
  t.match(start, { toolName: 'commandExecution' })
  t.match(input, { toolId: start?.toolId, input: { command: /echo from-the-tool/ } })
  t.match(eventsOf(events, 'tool_result'), [{ result: 'from-the-tool\n', isError: false }])
  t.ok(existsSync(join(at.workspace, 'made.txt')), 'the tool really ran')
  const second = await talk.turn('@@recall')
  t.equal(said(second), 'I see 2 user turns with markers.')
})

real('tools', 'two tools at once are two calls', [], async (t, open) => {
  const talk = await open()
  await talk.next('ready')
  const events = await talk.turn('@@tool2')
  const results = eventsOf(events, 'tool_result').map(({ result }) => result)
  t.same(results.sort(), ['one\n', 'two\n'])
  t.equal(new Set(eventsOf(events, 'tool_use_start').map(({ toolId }) => toolId)).size, 2)
  t.match(lastOf(events), { reason: 'end_turn' })
})

real('interrupt-text', 'an interrupt ends the turn alone', ['interrupt'], async (t, open) => {
  const talk = await open()
  await talk.next('ready')
  talk.prompt('@@slow(300)')
  await talk.next('text')
  talk.interrupt()
  t.match(await talk.next('turn_end'), { reason: 'interrupted' })
  t.same(eventsOf(talk.events, 'error'), [])
  const next = await talk.turn('@@text')
  t.match(lastOf(next), { reason: 'end_turn' })
})

real('interrupt-tool', 'a tool that is cut off has a result', [], async (t, open) => {
  const talk = await open()
  await talk.next('ready')
  talk.prompt('@@slowtool(60)')
  await talk.next('tool_use_input')
  talk.interrupt()
  t.match(await talk.next('tool_result'), { result: 'interrupted', isError: true })
  t.match(await talk.next('turn_end'), { reason: 'interrupted' })
})

real('interrupt-early', 'an interrupt right after the prompt is not lost', [], async (t, open) => {
  const talk = await open()
  await talk.next('ready')
  talk.prompt('@@slow(300)')
  talk.interrupt()
  t.match(await talk.next('turn_end'), { reason: 'interrupted' })
})

real('approval-allow', 'a command that is allowed runs', ['allow'], async (t, open, at) => {
  const talk = await open(ASKING)
  await talk.next('ready')
  talk.prompt('@@tool(touch made.txt)')
  const asked = await talk.next('approval')
  t.match(asked, { toolName: 'commandExecution', input: { command: /touch made.txt/ } })
  t.same(asked.options, ['allow', 'deny'])
  t.notOk(existsSync(join(at.workspace, 'made.txt')), 'not before it is allowed')
  t.equal(talk.answer(asked.approval, { decision: 'allow_always' }), false, 'was not offered')
  t.equal(talk.answer(asked.approval, { decision: 'allow' }), true)
  t.equal(talk.answer(asked.approval, { decision: 'deny' }), false, 'is answered')
  t.match(await talk.next('turn_end'), { reason: 'end_turn' })
  t.match(eventsOf(talk.events, 'tool_result'), [{ toolId: asked.toolId, isError: false }])
  t.same(eventsOf(talk.events, 'approval_withdrawn'), [])
  t.ok(existsSync(join(at.workspace, 'made.txt')), 'it ran')
})

real('approval-deny', 'a command that is denied does not run', ['deny'], async (t, open, at) => {
  const talk = await open(ASKING)
  await talk.next('ready')
  talk.prompt('@@tool(touch made.txt)')
  const asked = await talk.next('approval')
  t.equal(talk.answer(asked.approval, { decision: 'deny', message: 'no' }), true)
  t.match(await talk.next('turn_end'), { reason: 'end_turn' }, 'and the model goes on')
  t.match(eventsOf(talk.events, 'tool_result'), [{ result: 'declined', isError: true }])
  t.notOk(existsSync(join(at.workspace, 'made.txt')))
})

real('approval-cancel', 'a denial can end the turn', [], async (t, open, at) => {
  const talk = await open(ASKING)
  await talk.next('ready')
  talk.prompt('@@tool(touch made.txt)')
  const asked = await talk.next('approval')
  talk.answer(asked.approval, { decision: 'deny', interrupt: true })
  t.match(await talk.next('turn_end'), { reason: 'interrupted' })
  t.notOk(existsSync(join(at.workspace, 'made.txt')))
})

real('approval-withdrawn', 'an interrupt withdraws the question', [], async (t, open) => {
  const talk = await open(ASKING)
  await talk.next('ready')
  talk.prompt('@@tool(touch made.txt)')
  const { approval } = await talk.next('approval')
  talk.interrupt()
  t.match(await talk.next('approval_withdrawn'), { approval })
  t.match(await talk.next('turn_end'), { reason: 'interrupted' })
  t.equal(talk.answer(approval, { decision: 'allow' }), false)
})

const PATCH = `@@tool(apply_patch <<'EOF'
*** Begin Patch
*** Add File: patched.txt
+hello
*** End Patch
EOF
)`

real('file-change', 'a change of files is asked about with the change', [], async (t, open, at) => {
  const talk = await open({ permissionMode: 'untrusted+read-only' })
  await talk.next('ready')
  talk.prompt(PATCH)
  const asked = await talk.next('approval')
  t.match(asked, { toolName: 'fileChange', input: { changes: [{ diff: 'hello\n' }] } })
  t.same(asked.options, ['allow', 'allow_always', 'deny'])
  talk.answer(asked.approval, { decision: 'allow_always' })
  t.match(await talk.next('turn_end'), { reason: 'end_turn' })
  t.ok(existsSync(join(at.workspace, 'patched.txt')))
})

real('mode', 'a mode that is changed holds for the next turn', ['mode'], async (t, open, at) => {
  const talk = await open(ASKING)
  await talk.next('ready')
  const refusals: unknown[] = []
  talk.setMode('never+danger-full-access', (refusal) => refusals.push(refusal))
  t.same(refusals, [undefined])
  const events = await talk.turn('@@tool(touch made.txt)')
  t.same(eventsOf(events, 'approval'), [])
  t.ok(existsSync(join(at.workspace, 'made.txt')))
})

real('resume', 'a killed thread goes on in a new process', ['resume'], async (t, open) => {
  const first = await open()
  const { nativeSessionId = '' } = await first.next('ready')
  await first.turn('@@text')
  await first.kill()
  const second = await open({ ...FREE, nativeSessionId, resume: true })
  t.match(await second.next('ready'), { nativeSessionId })
  const events = await second.turn('@@recall')
  t.equal(said(events), 'I see 2 user turns with markers.', 'and knows the first turn')
  t.match(eventsOf(events, 'usage'), [{ inputTokens: 25, outputTokens: 10 }], 'of this turn alone')
})

real('resume-unknown', 'a thread that is not there is no start', [], async (t, open) => {
  const nativeSessionId = '01a20000-0000-7000-8000-000000000000'
  const talk = await open({ ...FREE, nativeSessionId, resume: true })
  t.match(await talk.next('start_failed'), { message: /no rollout found/ })
  t.same(eventsOf(talk.events, 'ready'), [])
})

for (const [scenario, kind, words] of [
  ['401', 'auth', /401/],
  ['429', 'rate_limit', /429/],
  ['500', 'server', /high demand/],
  ['drop', undefined, /disconnected/],
  ['sseerr', 'server', /at capacity/],
] as const) {
  real(`failure-${scenario}`, `${scenario} ends the turn as an error`, [], async (t, open) => {
    const talk = await open()
    await talk.next('ready')
    const events = await talk.turn(`@@${scenario}`)
    const error = eventsOf(events, 'error').at(-1)
    t.match(error, { message: words })
    t.equal(error?.kind, kind)
    t.not(error?.retrying, true)
    t.match(lastOf(events), { type: 'turn_end', reason: 'error' })
    const text = said(events)
    t.ok(text === '' || text === 'partial ', 'and no text twice')
  })
}

real('failures', 'a turn that failed is not the last', ['failures'], async (t, open) => {
  const talk = await open()
  await talk.next('ready')
  for (const scenario of ['401', '429', '500']) {
    t.match(lastOf(await talk.turn(`@@${scenario}`)), { reason: 'error' })
  }
  t.match(lastOf(await talk.turn('@@text')), { reason: 'end_turn' })
})
