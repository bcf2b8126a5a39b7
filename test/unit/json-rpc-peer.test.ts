import fc from 'fast-check'
import t, { type Test } from 'tap'
import {
  JsonRpcPeer,
  MAX_OUTSTANDING,
  MAX_UNANSWERED,
  type RpcOutcome,
  type RpcRequest,
} from '../../agent-host/backends/json-rpc-peer.ts'

const alwaysTaken = (_method: string): boolean => true

function setUp({ version = false, takes = alwaysTaken } = {}) {
  const written: unknown[] = []
  const notified: unknown[] = []
  const requests: RpcRequest[] = []
  const diagnostics: string[] = []
  const peer = new JsonRpcPeer(
    {
      writeLine: (line) => written.push(JSON.parse(line)),
      notification: (method, params) => notified.push({ method, params }),
      request: (request) => {
        if (takes(request.method)) requests.push(request)
        return takes(request.method)
      },
      diagnose: (message) => diagnostics.push(message),
    },
    { version },
  )
  const says = (...messages: unknown[]) => {
    for (const one of messages) peer.line(JSON.stringify(one))
  }
  const asked = (method = 'ask'): RpcOutcome[] => {
    const outcomes: RpcOutcome[] = []
    peer.request(method, {}, (outcome) => outcomes.push(outcome))
    return outcomes
  }
  return { peer, written, notified, requests, diagnostics, says, asked }
}

t.test('messages carry the version only where the peer wants it', async (t: Test) => {
  const plain = setUp()
  plain.asked()
  plain.peer.notify('hello')
  t.strictSame(plain.written, [{ id: 0, method: 'ask', params: {} }, { method: 'hello' }])
  const versioned = setUp({ version: true, takes: () => false })
  versioned.says({ jsonrpc: '2.0', id: 0, method: 'x' })
  t.strictSame(versioned.written, [
    { jsonrpc: '2.0', id: 0, error: { code: -32601, message: 'no method x' } },
  ])
})

t.test('the same id on both sides is two requests', async (t: Test) => {
  const { says, asked, requests, written } = setUp()
  const outcomes = asked()
  says({ id: 0, method: 'theirs', params: { a: 1 } })
  t.same(outcomes, [], 'their request is no answer to ours')
  t.match(requests, [{ id: 0, method: 'theirs', params: { a: 1 } }])
  says({ id: 0, result: 'ours' })
  t.strictSame(outcomes, [{ ok: true, result: 'ours' }])
  t.equal(requests[0]?.answer('done'), true)
  t.strictSame(written.at(-1), { id: 0, result: 'done' })
})

t.test('an id is what it is: 0 and "0" are two', async (t: Test) => {
  const { says, asked, requests, written, diagnostics } = setUp()
  const outcomes = asked()
  says({ id: '0', result: 1 })
  t.same(outcomes, [])
  t.match(diagnostics, [/nobody waits for/])
  says({ id: 0, method: 'a' }, { id: '0', method: 'b' })
  for (const request of requests) request.answer(request.method)
  t.strictSame(written.slice(1), [
    { id: 0, result: 'a' },
    { id: '0', result: 'b' },
  ])
})

t.test('late, doubled and unknown answers are told and change nothing', async (t: Test) => {
  const { says, asked, diagnostics } = setUp()
  const outcomes = asked()
  says({ id: 0, result: 1 }, { id: 0, result: 2 }, { id: 7, result: 3 })
  says({ id: null, error: { code: -32700, message: 'parse error' } }, { result: 4 }, {})
  t.strictSame(outcomes, [{ ok: true, result: 1 }])
  t.equal(diagnostics.length, 5)
  t.match(diagnostics[2], 'parse error')
})

t.test('the answers of a peer are told apart', async (t: Test) => {
  const answers: readonly [object, unknown][] = [
    [{ result: null }, { ok: true, result: null }],
    [
      { result: 1, error: null },
      { ok: true, result: 1 },
    ],
    [{ error: null }, { ok: false, failure: { kind: 'malformed' } }],
    [{}, { ok: false, failure: { kind: 'malformed' } }],
    [
      { error: { code: -1, message: 'no', data: [1] }, result: 1 },
      { ok: false, failure: { kind: 'refused', code: -1, message: 'no', data: [1] } },
    ],
    [{ error: 'odd' }, { ok: false, failure: { kind: 'refused', message: /without a message/ } }],
  ]
  for (const [answer, outcome] of answers) {
    const { says, asked } = setUp()
    const outcomes = asked()
    says({ id: 0, ...answer })
    t.match(outcomes, [outcome], JSON.stringify(answer))
  }
})

t.test('a request is answered once, also when nobody takes it', async (t: Test) => {
  const { says, requests, written, diagnostics } = setUp({ takes: (method) => method !== 'odd' })
  says({ id: 'a', method: 'odd' }, { id: 'b', method: 'known' }, { id: 'b', method: 'known' })
  t.match(diagnostics, [/a second request known with the id b/])
  const [request] = requests
  t.equal(request?.refuse(-32603, 'no'), true)
  t.equal(request?.answer(1), false)
  t.strictSame(written, [
    { id: 'a', error: { code: -32601, message: 'no method odd' } },
    { id: 'b', error: { code: -32603, message: 'no' } },
  ])
  says({ id: 'b', method: 'known' })
  t.equal(requests.length, 2, 'an id that was answered may come again')
  requests[1]?.drop()
  t.equal(requests[1]?.answer(1), false, 'a request that was withdrawn is not answered')
  t.equal(written.length, 2)
})

t.test('what is no message is told; a request in it is refused', async (t: Test) => {
  const { peer, says, written, notified, diagnostics } = setUp()
  for (const line of ['oops', '[]', '[[]]', '1', 'null', '"a"', '[null]']) peer.line(line)
  t.equal(diagnostics.length, 7)
  peer.line('   ')
  says({ id: 1, method: 2 }, { method: null }, { id: {}, method: 'x' })
  peer.line('{"id":1e999,"method":"x"}')
  t.equal(diagnostics.length, 11)
  t.match(written, [{ id: 1, error: { code: -32600 } }])
  says({ id: null, method: 'n', params: [1] }, { method: 'm', params: { a: null } })
  t.strictSame(notified, [
    { method: 'n', params: {} },
    { method: 'm', params: { a: null } },
  ])
})

t.test('a batch is its messages', async (t: Test) => {
  const { says, asked, requests, notified } = setUp()
  const outcomes = asked()
  says([{ id: 0, result: 1 }, { method: 'n' }, { id: 0, method: 'r' }])
  t.strictSame(outcomes, [{ ok: true, result: 1 }])
  t.equal(notified.length, 1)
  t.match(requests, [{ method: 'r' }])
})

t.test('only so many requests wait, on either side', async (t: Test) => {
  const { says, asked, requests, written, diagnostics } = setUp()
  const last = Array.from({ length: MAX_OUTSTANDING + 1 }, () => asked()).at(-1)
  t.match(last, [{ ok: false, failure: { kind: 'overloaded' } }])
  t.equal(written.length, MAX_OUTSTANDING)
  says({ id: 0, result: 1 })
  t.same(asked(), [], 'an answer makes room')
  for (let id = 0; id <= MAX_UNANSWERED; id++) says({ id, method: 'r' })
  t.equal(requests.length, MAX_UNANSWERED)
  t.match(written.at(-1), { id: MAX_UNANSWERED, error: { code: -32000 } })
  t.match(diagnostics, [/64 wait already/])
  requests[0]?.answer(1)
  says({ id: 99, method: 'r' })
  t.equal(requests.length, MAX_UNANSWERED + 1)
})

t.test('at the end all that waits is told why, and nothing is said any more', async (t: Test) => {
  const { peer, says, asked, requests, written } = setUp()
  const failure = { kind: 'closed', message: 'it ended' }
  const outcomes: RpcOutcome[] = []
  peer.request('first', {}, (outcome) => {
    outcomes.push(outcome)
    peer.request('again', {}, (late) => outcomes.push(late))
  })
  says({ id: 0, method: 'theirs' })
  const before = written.length
  peer.close('it ended')
  peer.close('twice')
  t.strictSame(outcomes, [
    { ok: false, failure },
    { ok: false, failure },
  ])
  says({ id: 0, result: 1 }, { id: 1, method: 'late' })
  peer.notify('late')
  t.equal(requests[0]?.answer(1), false)
  t.strictSame(asked(), [{ ok: false, failure }])
  t.equal(written.length, before)
})

t.test('two peers that talk at once get their own answers, each once', async () => {
  const side = fc.constantFrom('left', 'right')
  const step = fc.tuple(side, fc.constantFrom('ask', 'answer', 'refuse', 'deliver', 'again'))
  fc.assert(
    fc.property(fc.array(fc.tuple(step, fc.nat(20)), { maxLength: 80 }), (steps) => {
      const talk = conversation()
      for (const [[at, what], which] of steps) talk.step(at, what, which)
      return talk.end()
    }),
  )
})

t.test('any JSON is survived, and each new request has its one answer', async () => {
  const id = fc.oneof(fc.nat(4), fc.constantFrom('0', 'a', null), fc.jsonValue({ maxDepth: 1 }))
  const message = fc.record(
    { id, method: fc.oneof(fc.string(), fc.jsonValue()), result: fc.jsonValue() },
    { requiredKeys: [] },
  )
  const line = fc
    .oneof(message, fc.array(message), fc.jsonValue())
    .map((one) => JSON.stringify(one))
  fc.assert(
    fc.property(fc.array(fc.oneof(line, fc.string())), (lines) => {
      const { peer, written } = setUp({ takes: () => false })
      let expected = 0
      for (const one of lines) {
        expected += requestsIn(one)
        peer.line(one)
      }
      return written.length === expected
    }),
  )
})

function requestsIn(line: string): number {
  try {
    const value: unknown = JSON.parse(line)
    return [value].flat().filter(isRequest).length
  } catch {
    return 0
  }
}

function isRequest(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || !('method' in value)) return false
  return 'id' in value && (typeof value.id === 'string' || typeof value.id === 'number')
}

type Side = 'left' | 'right'

/** Two peers, a wire in each direction that the test moves by hand, and what each asked and got. */
function conversation() {
  const wires: Record<Side, string[]> = { left: [], right: [] }
  const open: Record<Side, RpcRequest[]> = { left: [], right: [] }
  const asked: Record<Side, unknown[][]> = { left: [], right: [] }
  const peerAt = (at: Side) =>
    new JsonRpcPeer(
      {
        writeLine: (line) => wires[at].push(line),
        notification: () => {},
        request: (request) => open[at].push(request) > 0,
        diagnose: () => {},
      },
      { version: false },
    )
  const peers = { left: peerAt('left'), right: peerAt('right') }
  const other = (at: Side): Side => (at === 'left' ? 'right' : 'left')
  let delivered = ''

  const steps: Record<string, (at: Side, which: number) => void> = {
    ask: (at) => {
      const outcomes: unknown[] = []
      const nonce = `${at} ${asked[at].push(outcomes)}`
      peers[at].request('echo', { nonce }, (outcome) => {
        const refusal = outcome.ok ? undefined : outcome.failure.message
        outcomes.push(outcome.ok ? outcome.result : refusal, nonce)
      })
    },
    answer: (at, which) => {
      const [request] = open[at].splice(which % (open[at].length + 1), 1)
      request?.answer(request.params['nonce'])
    },
    refuse: (at, which) => {
      const [request] = open[at].splice(which % (open[at].length + 1), 1)
      request?.refuse(-32603, String(request.params['nonce']))
    },
    deliver: (at) => {
      const line = wires[at].shift()
      if (line === undefined) return
      delivered = line
      peers[other(at)].line(line)
    },
    // A line that comes twice is a late answer, or a request under a used id.
    again: (at) => {
      const isAnswer = delivered !== '' && !delivered.includes('"method"')
      if (isAnswer) peers[at].line(JSON.stringify({ ...JSON.parse(delivered), id: 'used' }))
    },
  }

  /** Lets everything arrive; true when each question had its own answer exactly once. */
  const end = (): boolean => {
    while (wires.left.length + wires.right.length + open.left.length + open.right.length > 0) {
      for (const at of ['left', 'right'] as const) {
        steps['deliver']?.(at, 0)
        steps['answer']?.(at, 0)
      }
    }
    return [...asked.left, ...asked.right].every(
      ([answer, nonce, ...more]) => nonce !== undefined && answer === nonce && more.length === 0,
    )
  }
  return { step: (at: Side, what: string, which: number) => steps[what]?.(at, which), end }
}
