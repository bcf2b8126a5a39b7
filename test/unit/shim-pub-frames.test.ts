import t from 'tap'
import type { Chunk, StreamItem } from '../../clients/sdk/index.ts'
import { exitCode, legacyChunk, legacyFrame } from '../../clients/shim/pub/legacy-chunk.ts'

const SESSION = 'fd3a4c22-7b1e-4c0e-9f0a-2b7f5d9d1c11'
const item = (chunk: Chunk): StreamItem => ({ ...chunk, seq: 7, time: 0, turn: 1 })

t.test('every chunk that the old stream knows has its members in the old order', async (t) => {
  const cases: [Chunk, string][] = [
    [{ type: 'text', content: 'Hi "you"' }, '{"type":"text","content":"Hi \\"you\\"","seq":7}'],
    [{ type: 'thinking', content: 'hm' }, '{"type":"thinking","content":"hm","seq":7}'],
    [
      { type: 'tool_use_start', tool_id: 'a', tool_name: 'Bash' },
      '{"type":"tool_use_start","tool_name":"Bash","tool_id":"a","seq":7}',
    ],
    [
      { type: 'tool_use_input', tool_id: 'a', input: { command: 'ls' } },
      '{"type":"tool_use_input","tool_id":"a","input":{"command":"ls"},"content":"{\\"command\\":\\"ls\\"}","seq":7}',
    ],
    [
      { type: 'tool_result', tool_id: 'a', result: 'x', is_error: false },
      '{"type":"tool_result","tool_id":"a","result":"x","is_error":false,"seq":7}',
    ],
    [
      { type: 'turn_complete', turn_number: 3, reason: 'end_turn' },
      '{"type":"turn_complete","turn_number":3,"seq":7}',
    ],
    [
      { type: 'complete', exit_code: 3, session_id: SESSION },
      `{"type":"complete","exit_code":3,"session_id":"${SESSION}","seq":7}`,
    ],
    [{ type: 'error', message: 'no' }, '{"type":"error","message":"no","seq":7}'],
  ]
  for (const [chunk, json] of cases) {
    const legacy = legacyChunk(item(chunk))
    if (!legacy) throw new Error(`${chunk.type} is left out`)
    t.equal(legacyFrame(SESSION, legacy, 7), `chat/${SESSION} ${json}`)
  }
})

t.test('what the old stream has no word for is left out', async (t) => {
  const left: Chunk[] = [
    { type: 'prompt', text: 'x', principal: 'local' },
    { type: 'usage', input_tokens: 1, output_tokens: 1 },
    { type: 'status', status: 'idle' },
    { type: 'stderr', content: 'x' },
    { type: 'approval_settled', approval: 'a', outcome: 'allow', by: '' },
  ]
  for (const chunk of left) t.equal(legacyChunk(item(chunk)), undefined, chunk.type)
  t.equal(legacyChunk({ type: 'gap', from: 1, to: 2, reason: 'retention' }), undefined)
  const unknown = { seq: 1, time: 0, turn: 0, code: 99, body: {}, reason: '' }
  t.equal(legacyChunk({ ...unknown, type: 'unknown' }), undefined)
})

t.test('an error that the agent gets over would end the answer in old readers', async (t) => {
  t.equal(legacyChunk(item({ type: 'error', message: 'busy', retrying: true })), undefined)
})

t.test('an exit code is always an integer of 32 bits', async (t) => {
  t.equal(exitCode({ exit_code: 3 }), 3)
  t.equal(exitCode({ exit_code: null, signal: 'SIGKILL' }), 137)
  t.equal(exitCode({ exit_code: null, signal: 'SIGNONE' }), -1)
  t.equal(exitCode({ exit_code: null }), -1)
  t.equal(exitCode({ exit_code: 2 ** 40 }), -1)
})

t.test('an input with numbers that JSON has not is told as text', async (t) => {
  const legacy = legacyChunk(
    item({ type: 'tool_use_input', tool_id: 'a', input: { n: 2n ** 60n } }),
  )
  if (!legacy) throw new Error('left out')
  t.match(legacyFrame(SESSION, legacy, 1), '"input":{"n":"1152921504606846976"}')
  t.match(legacyChunk(item({ type: 'tool_use_input', tool_id: 'a', input: undefined })), {
    input: null,
    content: 'null',
  })
})
