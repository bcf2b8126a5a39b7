/** Proves the ground of the other tests here: the real Claude Code talks to the fake model, with none of our code between. */

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import t, { type Test } from 'tap'
import { FakeModel } from '../support/fake-model/index.ts'
import { type JsonObject, member, parseObject } from '../support/fake-model/json.ts'
import { cliPath, skipReason } from './clis.ts'
import { realEnvironment } from './environment.ts'

const ARGUMENTS = [
  '-p',
  ...['--input-format', 'stream-json', '--output-format', 'stream-json'],
  ...['--include-partial-messages', '--verbose', '--model', 'sonnet'],
  ...['--permission-prompt-tool', 'stdio', '--allowedTools', 'Bash'],
]

const skip = skipReason('claude')

async function fakeModel(t: Test): Promise<FakeModel> {
  const model = new FakeModel()
  await model.start()
  t.teardown(() => model.stop())
  return model
}

async function startClaude(t: Test, model: FakeModel): Promise<ChildProcessWithoutNullStreams> {
  const { env, workspace } = await realEnvironment(t, 'claude', model.url)
  const child = spawn(cliPath('claude'), ARGUMENTS, { cwd: workspace, env })
  t.teardown(() => child.kill('SIGKILL'))
  child.stderr.on('data', (data: Buffer) => t.comment(data.toString()))
  return child
}

/** Sends one prompt and reads on to the end of its turn. */
async function turn(child: ChildProcessWithoutNullStreams, prompt: string): Promise<JsonObject[]> {
  const message = { role: 'user', content: [{ type: 'text', text: prompt }] }
  const line = { type: 'user', message, parent_tool_use_id: null, session_id: '' }
  child.stdin.write(`${JSON.stringify(line)}\n`)
  const lines: JsonObject[] = []
  for await (const source of createInterface({ input: child.stdout })) {
    const line = parseObject(source) ?? {}
    lines.push(line)
    if (member(line, 'type') === 'result') break
  }
  return lines
}

/** End of input is how this CLI is told to finish. */
async function finish(child: ChildProcessWithoutNullStreams): Promise<unknown> {
  const closed = once(child, 'close')
  child.stdout.resume()
  child.stdin.end()
  const [code]: unknown[] = await closed
  return code
}

t.test('a prompt is answered by the fake model and ends in a result', { skip }, async (t) => {
  const model = await fakeModel(t)
  const claude = await startClaude(t, model)
  const lines = await turn(claude, '@@text')
  t.match(lines.at(-1), {
    type: 'result',
    subtype: 'success',
    is_error: false,
    result: 'Hello from the fake model, turn 1.',
  })
  t.equal(await finish(claude), 0)
  const request = await model.request(({ notes }) => notes?.scenario === 'text')
  t.equal(request.headers['x-api-key'], 'sk-fake-key')
  t.ok(request.notes?.stream)
})

t.test('a tool that the model asks for runs and its output goes back', { skip }, async (t) => {
  const model = await fakeModel(t)
  const claude = await startClaude(t, model)
  const lines = await turn(claude, '@@tool(echo from-the-tool)')
  t.match(lines.at(-1), { type: 'result', is_error: false, result: 'The command is done.' })
  t.equal(await finish(claude), 0)
  const closing = await model.request(({ notes }) => notes?.phase === 1)
  t.match(JSON.stringify(closing.body), 'from-the-tool')
})

t.test('a refusal of the model ends the turn as an error', { skip }, async (t) => {
  const model = await fakeModel(t)
  const claude = await startClaude(t, model)
  const lines = await turn(claude, '@@401')
  t.match(lines.at(-1), { type: 'result', is_error: true, api_error_status: 401 })
  t.equal(await finish(claude), 1)
})
