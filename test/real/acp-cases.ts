/**
 * What every agent of the Agent Client Protocol is tried with: real processes, their driver alone, the
 * fake model. Each conversation can be recorded. Tests of one CLI run one after the other.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createAcp } from '../../agent-host/backends/acp.ts'
import type { AcpAgent } from '../../agent-host/backends/acp-agents.ts'
import type { StartOptions } from '../../agent-host/backends/backend.ts'
import { Conversation, eventsOf, said } from '../support/conversation.ts'
import { FakeModel } from '../support/fake-model/index.ts'
import { type Shown, showed } from './capability-table.ts'
import { cliPath, skipReason } from './clis.ts'
import { realEnvironment } from './environment.ts'
import { type Ground, keep } from './record.ts'

export type Open = (options?: Partial<StartOptions>) => Promise<Conversation>
export type Place = Ground & { readonly model: FakeModel }
export type AcpCli = 'opencode' | 'gemini'

export interface Case {
  readonly cli: AcpCli
  readonly agent: AcpAgent
  /** Name of its transcript. */
  readonly name: string
  readonly shows?: readonly Shown[]
  readonly run: (t: Test, open: Open, at: Place) => Promise<void>
}

/** A test with a model and a place of its own; its last conversation is the one that is kept. */
export function acpCase({ cli, agent, name, shows = [], run }: Case): void {
  t.test(`${cli}: ${name}`, { skip: skipReason(cli) }, async (t) => {
    const model = new FakeModel()
    await model.start()
    t.teardown(() => model.stop())
    const environment = await realEnvironment(t, cli, model.url)
    const at = { ...environment, modelUrl: model.url, model }
    let last: Conversation | undefined
    const open: Open = async (options = {}) => {
      last = await Conversation.begin(t, {
        backend: createAcp(agent),
        command: cliPath(cli),
        env: environment.env,
        options: { cwd: environment.workspace, ...options },
      })
      return last
    }
    await run(t, open, at)
    await last?.kill()
    if (last) keep(t, cli, name, last, at)
    showed(t, cli, ...shows)
  })
}

type Agent = Pick<Case, 'cli' | 'agent'> & {
  /** Its name of the tool that runs commands. */
  readonly shell: string
}

/** The cases that are the same for all. */
export function commonCases({ shell, ...one }: Agent): void {
  acpCase({
    ...one,
    name: 'tool',
    shows: ['text', 'thinking', 'tool', 'turns', 'usage'],
    run: async (t, open, { workspace }) => {
      const talk = await open({ allowedTools: [shell] })
      t.match(await talk.next('ready'), { nativeSessionId: /./ })
      const events = await talk.turn('@@tool(echo from-the-tool > made.txt && cat made.txt)')
      t.match(said(events, 'thinking'), /I should run it\.$/)
      t.equal(said(events), 'Running a command.The command is done.')
      t.match(eventsOf(events, 'tool_use_start'), [{ toolName: shell }])
      t.match(JSON.stringify(eventsOf(events, 'tool_use_input')), /echo from-the-tool/)
      t.match(eventsOf(events, 'tool_result'), [{ isError: false }])
      t.ok(existsSync(join(workspace, 'made.txt')), 'the tool really ran')
      t.match(eventsOf(events, 'usage').at(-1)?.inputTokens, /[1-9]/)
      t.match(events.at(-1), { type: 'turn_end', reason: 'end_turn' })
      const second = await talk.turn('@@recall')
      t.equal(said(second), 'I see 2 user turns with markers.')
    },
  })
  acpCase({
    ...one,
    name: 'interrupt',
    shows: ['interrupt'],
    run: async (t, open) => {
      const talk = await open()
      await talk.next('ready')
      talk.prompt('@@slow(300)')
      await talk.next('text')
      talk.interrupt()
      t.match(await talk.next('turn_end'), { reason: 'interrupted' })
      t.same(eventsOf(talk.events, 'error'), [])
      const next = await talk.turn('@@text')
      t.match(said(next), /^Hello from the fake model/)
      t.match(next.at(-1), { reason: 'end_turn' })
    },
  })
  acpCase({
    ...one,
    name: 'approval',
    shows: ['allow', 'deny'],
    run: async (t, open, { workspace }) => {
      const talk = await open()
      await talk.next('ready')
      talk.prompt('@@tool(touch allowed.txt)')
      const asked = await talk.next('approval')
      t.match(asked, { toolName: shell, title: /touch allowed\.txt/ })
      t.same(asked.options, ['allow', 'allow_always', 'deny'])
      t.notOk(existsSync(join(workspace, 'allowed.txt')), 'not before it is allowed')
      t.equal(talk.answer(asked.approval, { decision: 'allow' }), true)
      t.match(await talk.next('turn_end'), { reason: 'end_turn' })
      t.match(eventsOf(talk.events, 'tool_result'), [{ toolId: asked.toolId, isError: false }])
      t.ok(existsSync(join(workspace, 'allowed.txt')), 'it ran')
      const from = talk.events.length
      talk.prompt('@@tool(touch denied.txt)')
      const { approval } = await talk.next('approval', from)
      t.equal(talk.answer(approval, { decision: 'deny' }), true)
      t.match(await talk.next('turn_end', from), { reason: /end_turn|interrupted/ })
      t.match(eventsOf(talk.events.slice(from), 'tool_result'), [{ isError: true }])
      t.notOk(existsSync(join(workspace, 'denied.txt')), 'it did not run')
    },
  })
  acpCase({
    ...one,
    name: 'approval-withdrawn',
    run: async (t, open, { workspace }) => {
      const talk = await open()
      await talk.next('ready')
      talk.prompt('@@tool(touch made.txt)')
      const { approval } = await talk.next('approval')
      talk.interrupt()
      t.match(await talk.next('approval_withdrawn'), { approval })
      t.match(await talk.next('turn_end'), { reason: 'interrupted' })
      t.match(eventsOf(talk.events, 'tool_result'), [{ isError: true }])
      t.notOk(existsSync(join(workspace, 'made.txt')))
    },
  })
  acpCase({
    ...one,
    name: 'failure-401',
    shows: ['failures'],
    run: async (t, open) => {
      const talk = await open()
      await talk.next('ready')
      const events = await talk.turn('@@401')
      t.match(eventsOf(events, 'error'), [{ kind: 'auth', message: /fake 401/ }])
      t.match(events.at(-1), { type: 'turn_end', reason: 'error' })
      t.equal(said(events), '')
      t.match((await talk.turn('@@text')).at(-1), { reason: 'end_turn' }, 'it is not the last')
    },
  })
  acpCase({
    ...one,
    name: 'failure-500',
    run: async (t, open, { model }) => {
      const talk = await open()
      await talk.next('ready')
      talk.prompt('@@500')
      // It tries again without a word; only an interrupt ends that in reasonable time.
      await model.request(({ notes }) => notes?.scenario === '500')
      const tries = () => model.requests.filter(({ notes }) => notes?.scenario === '500').length
      await model.request(() => tries() > 1)
      t.same(eventsOf(talk.events, 'error'), [])
      talk.interrupt()
      t.match(await talk.next('turn_end'), { reason: 'interrupted' })
    },
  })
}
