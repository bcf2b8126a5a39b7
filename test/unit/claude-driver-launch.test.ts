import t, { type Test } from 'tap'
import type { StartOptions } from '../../agent-host/backends/backend.ts'
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
    '-p --input-format stream-json --output-format stream-json --include-partial-messages --verbose --permission-prompt-tool stdio --session-id native --model sonnet --permission-mode plan --allowedTools Bash(git log:*) Read --effort low',
  )
  const resumed = claude.launch('claude', { ...OPTIONS, resume: true })
  t.same(resumed.args.slice(-2), ['--resume', 'native'])
})

t.test('no value of a request becomes an option of claude or of the demo agent', (t: Test) => {
  const { claude, demo } = createBackends()
  const sneaky: readonly Partial<StartOptions>[] = [
    { allowedTools: ['Read', '--dangerously-skip-permissions'] },
    { model: '--mcp-config={}' },
    { permissionMode: '-p' },
    { nativeSessionId: '--settings=/tmp/x', resume: true },
    { nativeSessionId: '../../etc/passwd' },
    { model: 'a\0b' },
  ]
  for (const backend of [claude, demo]) {
    for (const wish of sneaky) {
      t.throws(() => backend.launch('claude', { ...OPTIONS, ...wish }), { code: 'INVALID_PARAMS' })
    }
    t.ok(backend.launch('claude', OPTIONS))
  }
  t.end()
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
