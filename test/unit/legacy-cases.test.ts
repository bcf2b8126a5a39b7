/** What the runner of the legacy cases understands: preconditions in words, credentials, what may share. */
import { createHmac } from 'node:crypto'
import t from 'tap'
import { DIFFERENCES } from '../conformance/legacy/differences.ts'
import type { JsonObject } from '../conformance/legacy/exact-json.ts'
import { keyOf, planOf, strictPlan } from '../conformance/legacy/plan.ts'
import { countOf, EXIT_CODES, exitCodeOf, summary, tell } from '../conformance/legacy/report.ts'
import { packed, unpacked } from '../conformance/legacy/senders/msgpack.ts'
import { preconditions, programsIn } from '../conformance/legacy/setup-words.ts'
import { serverAuth, tokenOf } from '../conformance/legacy/tokens.ts'
import { parseVectors, type Vector } from '../conformance/legacy/vector.ts'

function vectorOf(parts: object): Vector {
  const line = { id: 'a', transport: 'http', send: {}, expect: {}, ...parts }
  const [vector] = parseVectors(JSON.stringify(line))
  if (!vector) throw new Error('no case')
  return vector
}

t.test('preconditions in words', async (t) => {
  const two =
    'store holds T1 (Todo, assigned agent-1), T2 (InProgress, assigned agent-2); $' +
    '{T1} $' +
    '{T2} are their ids'
  t.same(preconditions(two), [
    {
      is: 'tasks',
      tasks: [
        { name: 'T1', status: 'todo', assignedTo: 'agent-1' },
        { name: 'T2', status: 'in_progress', assignedTo: 'agent-2' },
      ],
    },
    { is: 'id name', names: ['T1', 'T2'], form: 'text' },
  ])
  t.same(preconditions('the database has A (blocked) and B (Done)'), [
    {
      is: 'tasks',
      tasks: [
        { name: 'A', status: 'blocked', assignedTo: undefined },
        { name: 'B', status: 'done', assignedTo: undefined },
      ],
    },
  ])
  t.same(preconditions('daemon started while its PUB port is taken'), [{ is: 'pub port taken' }])
  t.same(preconditions('the PUB bind fails because the port is in use'), [{ is: 'pub port taken' }])
  t.same(preconditions('spawn cat-cli first; $' + '{AID} = its id as bin(16)'), [
    { is: 'agent', program: 'cat-cli', state: 'running' },
    { is: 'id name', names: ['AID'], form: 'bin' },
  ])
  t.match(preconditions('an agent cat-cli was spawned and paused'), [{ state: 'paused' }])
  t.same(
    preconditions('chat.create, SUB to topic, chat.prompt; fake claude prints x then exits 0'),
    [
      { is: 'chat', way: 'create' },
      { is: 'claude exits', code: 0 },
    ],
  )
  t.same(preconditions('as above but fake claude exits with code 3'), [
    { is: 'claude exits', code: 3 },
  ])
  t.same(preconditions('fake claude is killed by SIGKILL'), [
    { is: 'claude killed', signal: 'SIGKILL' },
  ])
  t.same(preconditions('there is no claude on PATH'), [{ is: 'claude', installed: false }])
  t.same(
    preconditions(
      'after the confirmation, publish AgentEvent status_changed(ag1, running) on the bus',
    ),
    [
      {
        is: 'event',
        event: { kind: 'AgentEvent', event: 'status_changed', about: ['ag1', 'running'] },
      },
    ],
  )
  t.match(preconditions('emit TaskEvent progress(t1) and TaskEvent completed(t1)'), [
    { event: { event: 'progress' } },
    { event: { event: 'completed' } },
  ])
  t.match(preconditions('an agent that was killed'), [{ program: 'cat-cli', state: 'ended' }])
  t.equal(preconditions('the moon is full'), undefined)
  t.equal(preconditions('there is no claude on PATH; the moon is full'), undefined, 'all of it')
  t.equal(preconditions('store holds T1 (Somehow)'), undefined)
})

t.test('programs that cases want to run', async (t) => {
  t.same(programsIn([['a', 'cat-cli'], { type: 'sleep-cli' }, 'x cat-cli click']), ['cat', 'sleep'])
})

t.test('the authentication of a server', async (t) => {
  const text = 'auth.enabled, jwt_secret=\'s 1\', api_key="k"; valid JWT'
  t.same(serverAuth(text), { secret: 's 1', apiKey: 'k' })
  t.same(serverAuth('jwt_secret: abc, no key'), { secret: 'abc', apiKey: undefined })
  t.same(serverAuth('{"jwt_secret":"s","api_key":"k"}'), { secret: 's', apiKey: 'k' })
  t.equal(serverAuth('somehow'), undefined)
})

t.test('tokens by their names', async (t) => {
  const now = 1_760_000_000_500
  const parts = (name: string) => {
    const [header = '', claims = '', signature] = (tokenOf(name, 's', now) ?? '').split('.')
    const json = (part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()) as object
    const good = createHmac('sha256', 's').update(`${header}.${claims}`).digest('base64url')
    return { header: json(header), claims: json(claims), signature, good }
  }
  const plain = parts('JWT')
  t.same(plain.header, { typ: 'JWT', alg: 'HS256' })
  t.same(plain.claims, { sub: 'conformance', exp: 1_760_003_600, iat: 1_760_000_000, scope: ['*'] })
  t.equal(plain.signature, plain.good)
  t.match(parts('JWT_EXPIRED').claims, { exp: 1_759_996_400 })
  t.match(parts('JWT_EXPIRED_IN_LEEWAY').claims, { exp: 1_759_999_970 })
  t.match(parts('JWT_SCOPE_READ').claims, { scope: ['read'] })
  t.match(parts('JWT_WITH_AUD').claims, { aud: 'somebody' })
  t.match(parts('JWT_NBF_FUTURE').claims, { nbf: 1_760_003_600 })
  t.notOk('scope' in parts('JWT_NO_SCOPE').claims)
  t.notOk('iat' in parts('JWT_MISSING_IAT').claims)
  t.same(parts('JWT_ALG_NONE').signature, '')
  t.match(parts('JWT_HS512').header, { alg: 'HS512' })
  for (const name of ['JWT_WRONG_SECRET', 'JWT_TAMPERED']) {
    t.not(parts(name).signature, parts(name).good, name)
  }
  const leeway = tokenOf('JWT', 's', now, 'JWT with exp = now-30')?.split('.')[1] ?? ''
  t.match(JSON.parse(Buffer.from(leeway, 'base64url').toString()), { exp: 1_759_999_970 })
  t.equal(tokenOf('JWT_SOMEHOW', 's', now), undefined)
  t.equal(tokenOf('AGENT', 's', now), undefined)
})

t.test('what a case needs', async (t) => {
  const plan = (parts: object) => {
    const found = planOf(vectorOf(parts))
    if (typeof found === 'string') throw new Error(found)
    return found
  }
  const call = (method: string) => ({ jsonrpc: '2.0', method, id: 1 })
  t.ok(plan({ send: call('agent.list') }).isStateless)
  t.notOk(plan({ send: call('agent.spawn') }).isStateless)
  const refused = { match: { error: { code: -32700 } } }
  t.ok(plan({ send: call('agent.spawn'), expect: refused }).isStateless)
  t.notOk(plan({ send: [call('agent.list'), call('chat.create')] }).isStateless)
  t.notOk(plan({ send: '{"method":"chat.create"}' }).isStateless)
  t.notOk(plan({ transport: 'unix', send: call('spawn') }).isStateless)
  t.notOk(plan({ send: call('agent.list'), setup: [{ send: call('agent.spawn') }] }).isStateless)
  t.notOk(plan({ transport: 'zmq-req', send: { array: ['spawn_request', 'x'] } }).isStateless)
  t.notOk(plan({ transport: 'pub', send: { stdout_lines: [] } }).isStateless)
  t.ok(plan({ transport: 'pub', send: { frame: 'x' } }).isStateless)
  t.match(plan({}).kind, { hasClaude: true, isPubTaken: false })
  t.notOk(plan({ note: 'daemon started with a PATH that has no claude' }).kind.hasClaude)
  t.ok(plan({ setup: 'PUB port is taken' }).kind.isPubTaken)
  t.match(planOf(vectorOf({ setup: 'the moon is full' })), /not understood: the moon/)
  t.match(planOf(vectorOf({ auth: 'somehow' })), /not understood: somehow/)
  const call1 = vectorOf({ transport: 'unix', send: call('x') })
  t.ok(strictPlan(plan({ send: call('x') }), call1).kind.isStrict)
  t.notOk(strictPlan(plan({}), vectorOf({})).kind.isStrict, 'HTTP is asked by each call')
  t.not(keyOf(plan({}).kind), keyOf(plan({ auth: "jwt_secret='a'" }).kind))
})

t.test('MessagePack and the JSON of cases', async (t) => {
  const json = ['a', { $bin: '00ff' }, 5, -1, 300, null, true, { k: [] }]
  t.same(unpacked(packed(json)), json)
  t.equal(packed(['health_check_request', 'test-123']).toString('hex').length, 62)
})

t.test('a deliberate difference goes by what a case expects', async (t) => {
  const instead = (defect: string, parts: object): JsonObject | undefined => {
    const vector = vectorOf(parts)
    return DIFFERENCES.find((one) => one.defect === defect)?.instead(vector.expect, vector)
  }
  const pause = { jsonrpc: '2.0', method: 'agent.pause', params: ['x', false], id: 7 }
  const refused = { match: { jsonrpc: '2.0', error: { code: -32601, message: 'no' }, id: 7 } }
  t.match(instead('D-5', { send: pause, expect: refused }), { match: { id: 7 } })
  t.equal(instead('D-5', { transport: 'unix', send: pause, expect: refused }), undefined)
  t.equal(instead('D-5', { send: { ...pause, method: 'nope' }, expect: refused }), undefined)
  const silence = { no_reply: true, match: null }
  const health = { array: ['custom_action_request', 'r1', 'x', 'ping'] }
  t.match(instead('D-29', { transport: 'zmq-req', send: health, expect: silence }), {
    match: { array: ['command_response', 'r1', { $bin: '0'.repeat(32) }, false] },
  })
  const agent = { $bin: '550e8400e29b41d4a716446655440000' }
  const command = (word: string, text: string, payload: unknown = null) => ({
    transport: 'zmq-req',
    send: { array: ['control_command', 'k', agent, word, payload] },
    expect: {
      match: {
        array: [
          'command_response',
          'k',
          agent,
          false,
          'running',
          null,
          `Agent execution error: ${text}`,
        ],
      },
    },
  })
  const missing = (name: string) => `${name} command not yet implemented`
  t.match(instead('D-28', command('write_stdin', missing('WriteStdin'), { data: 'aGkK' })), {
    match: { array: ['command_response', 'k', agent, true, 'running', { bytes_written: 3 }, null] },
  })
  t.match(instead('D-28', command('signal', missing('Signal'), { signal: 'SIGKILL' })), {
    match: { array: ['command_response', 'k', agent, true, 'terminated'] },
  })
  t.match(instead('D-28', command('signal', missing('Signal'), { signal: 'nope' })), {
    match: { array: ['command_response', 'k', agent, false, 'running', null, /Unknown signal/] },
  })
  t.equal(instead('D-28', command('signal', missing('Pause'))), undefined, 'of another command')
  t.equal(instead('D-28', command('signal', 'the agent is gone')), undefined)
  t.equal(instead('D-29', { transport: 'zmq-req', send: health, expect: {} }), undefined)
  t.equal(new Set(DIFFERENCES.map(({ defect }) => defect)).size, DIFFERENCES.length)
})

t.test('the report', async (t) => {
  const vector = vectorOf({ id: 'one', note: 'why' })
  const mismatches = [{ path: '/a', expected: 1, got: 2 }]
  const failed = { vector, outcome: { is: 'failed', mismatches } } as const
  t.match(tell(failed), ['FAILED   one', /at \/a/, /- 1/, /\+ 2/, /note: why/])
  const passed = { vector, outcome: { is: 'passed' } } as const
  t.same(tell(passed), [])
  const results = [
    passed,
    failed,
    { vector, outcome: { is: 'difference', defects: ['D-5'] }, strict: { is: 'passed' } },
    { vector, outcome: { is: 'not run', reason: 'no' } },
    { vector, outcome: { is: 'broken', reason: 'no' } },
  ] as const
  t.same(summary(results), [
    'held to the standard: 1 passed, 0 failed, 0 not run',
    '1 passed, 1 deliberate differences, 2 failed, 1 not run',
  ])
  const other = { vector: vectorOf({ transport: 'ws' }), outcome: { is: 'passed' } } as const
  t.match(summary([passed, other]), [/^http: 1 passed/, /^ws: 1 passed/, /^2 passed/])
  t.equal(exitCodeOf([passed]), EXIT_CODES.good)
  t.equal(exitCodeOf(results), EXIT_CODES.failed)
  t.equal(exitCodeOf([passed, results[3]]), EXIT_CODES.notRun)
  t.equal(countOf([]).passed, 0)
})
