import t, { type Test } from 'tap'
import { FakeModel, type FakeModelOptions, situationOf } from '../support/fake-model/index.ts'
import { type JsonObject, member, objects, parseObject, text } from '../support/fake-model/json.ts'

const TOOLS = [{ name: 'Bash' }, { name: 'Write' }]

async function fakeModel(t: Test, options: FakeModelOptions = {}): Promise<FakeModel> {
  const model = new FakeModel({ pauseMs: 1, ...options })
  t.teardown(() => model.stop())
  await model.start()
  return model
}

const user = (words: string): JsonObject => ({
  role: 'user',
  content: [{ type: 'text', text: words }],
})
const toolResult = { role: 'user', content: [{ type: 'tool_result', content: 'hi' }] }

function ask(model: FakeModel, messages: readonly unknown[], more: JsonObject = {}) {
  const body = { model: 'm', stream: true, tools: TOOLS, messages, ...more }
  return fetch(`${model.url}/v1/messages?beta=true`, {
    method: 'POST',
    body: JSON.stringify(body),
  })
}

/** The data of each event; the event line must name the same type. */
function eventsOf(t: Test, stream: string): readonly JsonObject[] {
  return stream.split('\n\n').flatMap((record) => {
    const [, type, data] = /^event: (\S+)\ndata: (.*)$/.exec(record.trim()) ?? []
    if (data === undefined) return []
    const event = parseObject(data) ?? {}
    t.equal(member(event, 'type'), type)
    return [event]
  })
}

/** What the deltas of one kind add up to. */
function joined(events: readonly JsonObject[], name: string): string {
  return events.map((event) => text(member(member(event, 'delta'), name))).join('')
}

t.test('the newest marker counts, with what came before and after it', async (t) => {
  const entry = (role: 'user' | 'tool', text: string) => ({ role, text })
  t.same(situationOf([]), { scenario: 'none', argument: '', phase: 0, turn: 0 })
  t.same(
    situationOf([
      entry('user', '@@text'),
      entry('tool', '@@ignored'),
      entry('user', 'please @@tool(node -e "f(g())") now'),
      entry('tool', 'done'),
      entry('user', 'no marker here'),
    ]),
    { scenario: 'tool', argument: 'node -e "f(g())"', phase: 1, turn: 2 },
  )
})

t.test('an argument that is never closed is no argument', async (t) => {
  t.equal(situationOf([{ role: 'user', text: '@@slow(3' }]).argument, '')
})

t.test('a streamed text has the events of the real API in order', async (t) => {
  const model = await fakeModel(t)
  const reply = await ask(model, [user('@@text')])
  t.equal(reply.headers.get('content-type'), 'text/event-stream')
  const events = eventsOf(t, await reply.text())
  const types = events.map((event) => member(event, 'type'))
  t.same(types.slice(0, 3), ['message_start', 'ping', 'content_block_start'])
  t.same(types.slice(-3), ['content_block_stop', 'message_delta', 'message_stop'])
  t.equal(joined(events, 'text'), 'Hello from the fake model, turn 1.')
})

t.test('the same scenario without streaming is one JSON message', async (t) => {
  const model = await fakeModel(t)
  const reply = await ask(model, [user('@@text')], { stream: false })
  t.match(await reply.json(), {
    type: 'message',
    role: 'assistant',
    stop_reason: 'end_turn',
    content: [{ type: 'text', text: 'Hello from the fake model, turn 1.' }],
  })
})

t.test('thinking comes signed and only when asked for', async (t) => {
  const model = await fakeModel(t)
  const thinking = { type: 'adaptive' }
  const asked = eventsOf(t, await (await ask(model, [user('@@think')], { thinking })).text())
  t.match(joined(asked, 'thinking'), /Let me think/)
  t.not(joined(asked, 'signature'), '')
  const plain = eventsOf(t, await (await ask(model, [user('@@think')])).text())
  t.equal(joined(plain, 'thinking'), '')
  t.equal(joined(plain, 'text'), 'The answer is 42.')
})

t.test('a tool is asked for first and the turn closed after its result', async (t) => {
  const model = await fakeModel(t)
  const first = eventsOf(t, await (await ask(model, [user('@@tool(touch x)')])).text())
  t.match(parseObject(joined(first, 'partial_json')), { command: 'touch x' })
  t.equal(joined(first, 'stop_reason'), 'tool_use')
  const second = eventsOf(t, await (await ask(model, [user('@@tool(touch x)'), toolResult])).text())
  t.equal(joined(second, 'text'), 'The command is done.')
  t.equal(joined(second, 'stop_reason'), 'end_turn')
})

t.test('two tools come as two blocks of one message', async (t) => {
  const model = await fakeModel(t)
  const reply: unknown = await (await ask(model, [user('@@tool2')], { stream: false })).json()
  const content = objects(member(reply, 'content'))
  t.match(content, [
    { name: 'Bash', input: { command: 'echo one' } },
    { name: 'Bash', input: { command: 'echo two' } },
  ])
})

t.test('a file is written below the directory that the prompt names', async (t) => {
  const model = await fakeModel(t)
  const system = 'Primary working directory: /some/where\nMore text'
  const events = eventsOf(t, await (await ask(model, [user('@@write(a.txt)')], { system })).text())
  t.match(parseObject(joined(events, 'partial_json')), { file_path: '/some/where/a.txt' })
})

t.test('slow words arrive one by one and all of them', async (t) => {
  const model = await fakeModel(t)
  const events = eventsOf(t, await (await ask(model, [user('@@slow(3)')])).text())
  t.equal(joined(events, 'text'), 'word0 word1 word2 ')
})

t.test('a long text has the length that was asked for', async (t) => {
  const model = await fakeModel(t)
  const events = eventsOf(t, await (await ask(model, [user('@@long(300000)')])).text())
  t.equal(joined(events, 'text').length, 300_000)
})

t.test('the turn counts on through a history, which proves a resume', async (t) => {
  const model = await fakeModel(t)
  const reply = await ask(model, [user('@@text'), user('@@text'), user('@@recall')])
  t.equal(joined(eventsOf(t, await reply.text()), 'text'), 'I see 3 user turns with markers.')
})

t.test('failures carry their status and the error type of the real API', async (t) => {
  const model = await fakeModel(t)
  for (const [status, type] of [
    [401, 'authentication_error'],
    [429, 'rate_limit_error'],
    [500, 'api_error'],
    [529, 'overloaded_error'],
  ] as const) {
    const reply = await ask(model, [user(`@@${status}`)])
    t.equal(reply.status, status)
    t.equal(reply.headers.get('retry-after'), status === 429 ? '1' : null)
    t.match(await reply.json(), { type: 'error', error: { type } })
  }
})

t.test('a flaky model fails as often as asked, then works', async (t) => {
  const model = await fakeModel(t)
  const statuses: number[] = []
  for (let attempt = 0; attempt < 3; attempt++) {
    const reply = await ask(model, [user('@@flaky(2)')])
    statuses.push(reply.status)
    await reply.text()
  }
  t.same(statuses, [500, 500, 200])
})

t.test('a request without tools never meets a scenario', async (t) => {
  const model = await fakeModel(t)
  const reply = await ask(model, [user('@@500')], { tools: [] })
  t.equal(reply.status, 200)
  t.equal(joined(eventsOf(t, await reply.text()), 'text'), 'A fake title')
})

t.test('an overload in the stream ends it with an error event', async (t) => {
  const model = await fakeModel(t)
  const events = eventsOf(t, await (await ask(model, [user('@@sseerr')])).text())
  t.equal(joined(events, 'text'), 'partial ')
  t.match(events.at(-1), { type: 'error', error: { type: 'overloaded_error' } })
})

t.test('a dropped stream breaks after its first words', async (t) => {
  const model = await fakeModel(t)
  const reply = await ask(model, [user('@@drop')])
  await t.rejects(reply.text())
  t.equal(await model.requests[0]?.ended, 'dropped')
})

t.test('a hanging stream ends when the client leaves', async (t) => {
  const model = await fakeModel(t)
  const reply = await ask(model, [user('@@hang')])
  await reply.body?.cancel()
  const request = await model.request(({ notes }) => notes?.scenario === 'hang')
  t.equal(await request.ended, 'abandoned')
})

t.test('stop cuts a hanging stream and frees the port', async (t) => {
  const model = await fakeModel(t)
  const reply = await ask(model, [user('@@hang')])
  const broken = t.rejects(reply.text())
  await Promise.all([model.stop(), model.stop()])
  await broken
  await t.rejects(fetch(model.url))
})

t.test('requests are recorded as they come, and only the newest kept', async (t) => {
  const model = await fakeModel(t, { keep: 2 })
  const awaited = model.request(({ notes }) => notes?.scenario === 'think')
  for (const scenario of ['@@text', '@@think', '@@recall']) {
    await (await ask(model, [user(scenario)])).text()
  }
  t.match(await awaited, {
    status: 200,
    notes: { model: 'm', stream: true, tools: ['Bash', 'Write'] },
  })
  t.same(
    model.requests.map(({ notes }) => notes?.scenario),
    ['think', 'recall'],
  )
})

t.test('tokens are counted without a scenario', async (t) => {
  const model = await fakeModel(t)
  const path = `${model.url}/v1/messages/count_tokens`
  const reply = await fetch(path, { method: 'POST', body: '{}' })
  t.same(await reply.json(), { input_tokens: 100 })
})

t.test('what is no route, no JSON or too large is refused', async (t) => {
  const model = await fakeModel(t, { maxBodyBytes: 10 })
  const post = (path: string, body: string) => fetch(model.url + path, { method: 'POST', body })
  t.equal((await fetch(`${model.url}/nowhere`)).status, 404)
  t.equal((await post('/v1/messages', 'not json')).status, 400)
  t.equal((await post('/v1/messages', 'x'.repeat(11))).status, 413)
})

/** What an OpenAI client sends; the input is a list of items. */
function askResponses(model: FakeModel, input: readonly unknown[]) {
  const body = { model: 'm', stream: true, tools: [{ name: 'exec_command' }], input }
  return fetch(`${model.url}/v1/responses`, { method: 'POST', body: JSON.stringify(body) })
}

const item = (words: string): JsonObject => ({
  ...{ type: 'message', role: 'user' },
  content: [{ type: 'input_text', text: words }],
})

t.test('the Responses API tells each item by its parts, and then all of them', async (t) => {
  const model = await fakeModel(t)
  const events = eventsOf(t, await (await askResponses(model, [item('@@think')])).text())
  const types = events.map((event) => member(event, 'type'))
  t.same(types.slice(0, 3), [
    'response.created',
    'response.in_progress',
    'response.output_item.added',
  ])
  t.equal(types.at(-1), 'response.completed')
  const deltas = (type: string) =>
    events
      .filter((event) => member(event, 'type') === type)
      .map((event) => text(member(event, 'delta')))
      .join('')
  t.equal(deltas('response.reasoning_summary_text.delta'), 'Let me think. The answer is simple.')
  t.equal(deltas('response.output_text.delta'), 'The answer is 42.')
  t.match(member(events.at(-1), 'response'), {
    status: 'completed',
    output: [{ type: 'reasoning' }, { content: [{ text: 'The answer is 42.' }] }],
    usage: { total_tokens: 35 },
  })
  t.same(
    events.map((event) => member(event, 'sequence_number')),
    events.map((_, at) => at),
  )
})

t.test('over the Responses API a tool is asked for and its output closes the turn', async (t) => {
  const model = await fakeModel(t)
  const first = eventsOf(t, await (await askResponses(model, [item('@@tool(ls)')])).text())
  const { output } = member(first.at(-1), 'response') as { output: unknown[] }
  const [call] = output.slice(-1)
  t.match(call, { type: 'function_call', name: 'exec_command', arguments: '{"cmd":"ls"}' })
  const answer = { type: 'function_call_output', call_id: 'c', output: 'a.txt' }
  const second = await (await askResponses(model, [item('@@tool(ls)'), answer])).text()
  t.match(second, /The command is done\./)
})

t.test('the Responses API fails by status, and in the middle', async (t) => {
  const model = await fakeModel(t)
  const refused = await askResponses(model, [item('@@429')])
  t.equal(refused.status, 429)
  t.match(await refused.json(), { error: { message: 'fake 429' } })
  const broken = eventsOf(t, await (await askResponses(model, [item('@@sseerr')])).text())
  t.match(broken.at(-1), { type: 'response.failed', response: { error: { message: /overload/ } } })
})
