/** The real Gemini CLI. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { GEMINI } from '../../agent-host/backends/acp-agents.ts'
import { textOf, turn } from '../support/chunks.ts'
import { eventsOf } from '../support/conversation.ts'
import { acpCase, commonCases } from './acp-cases.ts'
import { skipReason } from './clis.ts'
import { realStage } from './real-stage.ts'

const gemini = { cli: 'gemini', agent: GEMINI } as const

commonCases({ ...gemini, shell: 'run_shell_command' })

acpCase({
  ...gemini,
  name: 'mode',
  shows: ['mode'],
  run: async (t, open, { workspace }) => {
    const talk = await open()
    await talk.next('ready')
    const refusal = await new Promise((resolve) => talk.setMode('yolo', resolve))
    t.equal(refusal, undefined)
    const events = await talk.turn('@@tool(touch made.txt)')
    t.same(eventsOf(events, 'approval'), [])
    t.ok(existsSync(join(workspace, 'made.txt')))
  },
})

t.test('Gemini CLI runs behind a host', { skip: skipReason('gemini') }, async (t) => {
  const { create } = await realStage(t, 'gemini')
  const session = await create({ permission_mode: 'yolo' })
  const seen = await turn(session, '@@tool(echo from-the-tool)')
  t.equal(textOf(seen), 'Running a command.The command is done.')
  t.match(seen.at(-1), { type: 'turn_complete', reason: 'end_turn' })
  t.match(await session.stop(), { status: 'ended', exit_code: 0 })
})
