/** The real OpenCode by the Agent Client Protocol, through broker and host, against the fake model. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { textOf, turn } from '../support/chunks.ts'
import { skipReason } from './clis.ts'
import { realStage } from './real-stage.ts'

const skip = skipReason('opencode')

t.test('turns, a thought and a tool come through', { skip }, async (t) => {
  const { create, workspace } = await realStage(t, 'opencode')
  const session = await create({ allowed_tools: ['bash'] })
  t.match(session.info, { backend: 'opencode', status: 'idle', cwd: workspace })
  const first = await turn(session, '@@tool(echo from-the-tool > made.txt && cat made.txt)')
  for (const item of first) t.comment(JSON.stringify(item))
  t.ok(existsSync(join(workspace, 'made.txt')), 'the tool really ran')
  t.equal(textOf(first), 'Running a command.The command is done.')
  const second = await turn(session, '@@recall')
  t.equal(textOf(second), 'I see 2 user turns with markers.')
  const ended = await session.stop()
  t.match(ended, { status: 'ended', exit_code: 0, pid: null })
})
