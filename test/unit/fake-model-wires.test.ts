/** The APIs of the fake model that OpenCode and Gemini CLI speak: the same script, other words. */
import t, { type Test } from 'tap'
import { FakeModel } from '../support/fake-model/index.ts'
import { type JsonObject, member, objects, parseObject, text } from '../support/fake-model/json.ts'

async function fakeModel(t: Test): Promise<FakeModel> {
  const model = new FakeModel({ pauseMs: 1 })
  t.teardown(() => model.stop())
  await model.start()
  return model
}

async function post(model: FakeModel, path: string, body: object) {
  const reply = await fetch(`${model.url}${path}`, { method: 'POST', body: JSON.stringify(body) })
  return { status: reply.status, body: await reply.text() }
}

/** The JSON of each `data:` record. */
const recordsOf = (stream: string): readonly JsonObject[] =>
  objects(stream.split(/\r?\n\r?\n/).map((record) => parseObject(record.replace(/^data: /, ''))))

const chat = (model: FakeModel, messages: readonly object[], more: object = {}) => {
  const tools = [{ type: 'function', function: { name: 'bash' } }]
  const body = { model: 'm', stream: true, tools, messages, ...more }
  return post(model, '/v1/chat/completions', body)
}
const asked = (content: string) => ({ role: 'user', content })
const deltasOf = (stream: string): readonly JsonObject[] =>
  recordsOf(stream)
    .flatMap((record) => objects(member(record, 'choices')))
    .flatMap((choice) => objects([member(choice, 'delta')]))
const joined = (stream: string, name: string): string =>
  deltasOf(stream)
    .map((delta) => text(member(delta, name)))
    .join('')

t.test('Chat Completions: reasoning, text, a tool, and the turn that it closes', async (t) => {
  const model = await fakeModel(t)
  const first = await chat(model, [{ role: 'system', content: '@@401' }, asked('@@tool(ls -l)')])
  t.equal(joined(first.body, 'reasoning_content'), 'I should run it.')
  t.equal(joined(first.body, 'content'), 'Running a command.')
  const calls = deltasOf(first.body).flatMap((delta) => objects(member(delta, 'tool_calls')))
  const functions = calls.map((call) => member(call, 'function'))
  t.equal(member(functions[0], 'name'), 'bash')
  const words = functions.map((one) => text(member(one, 'arguments'))).join('')
  t.match(parseObject(words), { command: 'ls -l' })
  t.match(first.body, '"finish_reason":"tool_calls"')
  t.ok(first.body.endsWith('data: [DONE]\n\n'))
  const result = { role: 'tool', tool_call_id: 'c', content: 'out' }
  const second = await chat(model, [asked('@@tool(ls -l)'), { role: 'assistant' }, result])
  t.equal(joined(second.body, 'content'), 'The command is done.')
  t.match(second.body, '"finish_reason":"stop"')
})

t.test('Chat Completions: failures by status, and a title without a scenario', async (t) => {
  const model = await fakeModel(t)
  const failure = await chat(model, [asked('@@429')])
  t.equal(failure.status, 429)
  t.match(parseObject(failure.body), { error: { message: 'fake 429' } })
  const title = await chat(model, [asked('@@429')], { tools: [] })
  t.equal(joined(title.body, 'content'), 'A fake title')
})

const GEMINI = '/v1beta/models/flash'
const gemini = (model: FakeModel, contents: readonly object[]) => {
  const tools = [{ functionDeclarations: [{ name: 'run_shell_command' }] }]
  return post(model, `${GEMINI}:streamGenerateContent`, { contents, tools })
}
const said = (words: string) => ({ role: 'user', parts: [{ text: words }] })
const partsOf = (stream: string): readonly JsonObject[] =>
  recordsOf(stream)
    .flatMap((record) => objects(member(record, 'candidates')))
    .flatMap((candidate) => objects(member(member(candidate, 'content'), 'parts')))
const spoken = (stream: string): string =>
  partsOf(stream)
    .filter((part) => member(part, 'thought') !== true)
    .map((part) => text(member(part, 'text')))
    .join('')

t.test('Gemini: thought, text, a tool, and the turn that it closes', async (t) => {
  const model = await fakeModel(t)
  const { body } = await gemini(model, [said('@@tool(ls -l)')])
  t.match(partsOf(body)[0], { thought: true, text: /I should run it\.$/ })
  t.equal(spoken(body), 'Running a command.')
  const calls = partsOf(body).flatMap((part) => objects([member(part, 'functionCall')]))
  t.match(calls, [{ name: 'run_shell_command', args: { command: 'ls -l' } }])
  t.match(body, '"finishReason":"STOP"')
  const result = { role: 'user', parts: [{ functionResponse: { name: 'x', response: {} } }] }
  const second = await gemini(model, [said('@@tool(ls -l)'), result])
  t.equal(spoken(second.body), 'The command is done.')
})

t.test('Gemini: failures by status, and side requests by their schema', async (t) => {
  const model = await fakeModel(t)
  const failure = await gemini(model, [said('@@401')])
  t.equal(failure.status, 401)
  t.match(parseObject(failure.body), { error: { code: 401, status: 'UNAUTHENTICATED' } })
  const properties = {
    reasoning: { type: 'string' },
    choice: { type: 'string', enum: ['flash', 'pro'] },
    score: { type: 'integer' },
    all: { type: 'array' },
    sure: { type: 'boolean' },
  }
  const generationConfig = { responseJsonSchema: { type: 'object', properties } }
  const side = await post(model, `${GEMINI}:generateContent`, { contents: [], generationConfig })
  const [part] = partsOf(`data: ${side.body}`)
  const sample = { reasoning: 'fake', choice: 'flash', score: 1, all: [], sure: false }
  t.same(parseObject(text(member(part, 'text'))), sample)
  const count = await post(model, `${GEMINI}:countTokens`, { contents: [] })
  t.same(parseObject(count.body), { totalTokens: 100 })
})
