import t, { type Test } from 'tap'
import { createBackends } from '../../agent-host/backends/index.ts'
import { OPTIONS } from '../support/claude-lines.ts'

t.test('claude is started for one conversation that goes on', async (t: Test) => {
  const { claude } = createBackends()
  const launch = claude.launch('claude', {
    ...OPTIONS,
    model: 'sonnet',
    permissionMode: 'plan',
    allowedTools: ['Bash(git log:*)', 'Read'],
    systemPrompt: '- be brief',
    extraArgs: ['--effort', 'low'],
  })
  t.equal(launch.command, 'claude')
  t.same(launch.env, { ONLY: 'this' })
  t.equal(
    launch.args.join(' '),
    '-p --input-format stream-json --output-format stream-json --include-partial-messages --verbose --permission-prompt-tool stdio --session-id native --model sonnet --permission-mode plan --append-system-prompt - be brief --allowedTools Bash(git log:*) Read --effort low',
  )
  const resumed = claude.launch('claude', { ...OPTIONS, resume: true })
  t.same(resumed.args.slice(-2), ['--resume', 'native'])
  const sneaky = { ...OPTIONS, allowedTools: ['--dangerously-skip-permissions'] }
  t.throws(() => claude.launch('claude', sneaky), { code: 'INVALID_PARAMS' })
})

t.test('claude is found by its version, or the reason is told', async (t: Test) => {
  const { claude } = createBackends({ claude: { command: '/opt/claude' } })
  const answers = { stdout: '2.1.330 (Claude Code)', exitCode: 0 }
  t.same(await claude.detect(async () => answers), {
    available: true,
    version: '2.1.330',
    command: '/opt/claude',
  })
  const missing = await claude.detect(async () => ({ missing: 'there is no command' }))
  t.same(missing, { available: false, reason: 'there is no command' })
  t.match(await claude.detect(async () => ({ stdout: '', exitCode: 1 })), { available: false })
})
