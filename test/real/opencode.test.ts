/** The real OpenCode. One file, because each one takes 600 MiB: never two at once. */
import t from 'tap'
import { OPENCODE } from '../../agent-host/backends/acp-agents.ts'
import { textOf, turn, until } from '../support/chunks.ts'
import { said } from '../support/conversation.ts'
import { acpCase, commonCases } from './acp-cases.ts'
import { skipReason } from './clis.ts'
import { realStage } from './real-stage.ts'

const opencode = { cli: 'opencode', agent: OPENCODE } as const

commonCases({ ...opencode, shell: 'bash' })

acpCase({
  ...opencode,
  name: 'resume',
  shows: ['resume'],
  run: async (t, open) => {
    const first = await open()
    const { nativeSessionId = '' } = await first.next('ready')
    await first.turn('@@text')
    await first.kill()
    const second = await open({ nativeSessionId, resume: true })
    t.match(await second.next('ready'), { nativeSessionId })
    t.equal(said(await second.turn('@@recall')), 'I see 2 user turns with markers.')
  },
})

acpCase({
  ...opencode,
  name: 'resume-unknown',
  run: async (t, open) => {
    const talk = await open({ nativeSessionId: 'ses_unknown', resume: true })
    t.match(await talk.next('start_failed'), { message: /^session\/resume: / })
  },
})

acpCase({
  ...opencode,
  name: 'mode',
  shows: ['mode'],
  run: async (t, open) => {
    const talk = await open({ permissionMode: 'build', thinking: 'high', model: 'fake/fake-model' })
    t.match(await talk.next('ready'), { model: 'fake/fake-model' })
    const refusal = await new Promise((resolve) => talk.setMode('plan', resolve))
    t.equal(refusal, undefined)
    t.match((await talk.turn('@@text')).at(-1), { reason: 'end_turn' })
  },
})

t.test(
  'a killed OpenCode is recovered under its own id',
  { skip: skipReason('opencode') },
  async (t) => {
    const { create } = await realStage(t, 'opencode')
    const session = await create()
    await turn(session, '@@text')
    const { pid } = await session.refresh()
    process.kill(pid ?? 0, 'SIGKILL')
    await until(session.follow(), ({ type }) => type === 'complete')
    t.match(await session.recover(), { status: 'idle', epoch: 2 })
    t.equal(textOf(await turn(session, '@@recall')), 'I see 2 user turns with markers.')
    t.match(await session.stop(), { status: 'ended', exit_code: 0 })
  },
)
