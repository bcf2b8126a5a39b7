/** Bodies of HTTP to replies: the order of work, batches, strict callers, credentials, and no body without an answer. */
import fc from 'fast-check'
import { SignJWT } from 'jose'
import t from 'tap'
import { Auth, type AuthSettings } from '../../clients/shim/http/auth.ts'
import { HttpRpc } from '../../clients/shim/http/rpc.ts'
import { MAX_USERS, Users } from '../../clients/shim/http/users.ts'
import { MAX_BATCH_CHARS } from '../../clients/shim/legacy/batch.ts'
import { plain } from '../../clients/shim/legacy/json/value.ts'
import { badParams, RpcError } from '../../clients/shim/legacy/rpc-error.ts'

const NOW_MS = 1_800_000_000_000
const SECRET = 'valid-secret'

interface Options {
  readonly auth?: AuthSettings
  readonly maxBatch?: number
  readonly calls?: string[]
}

function rpcOf({
  auth = { enable_auth: false },
  maxBatch = 10,
  calls = [],
}: Options = {}): HttpRpc {
  return new HttpRpc({
    auth: new Auth(auth, () => NOW_MS),
    maxBatch,
    now: () => 0,
    answered: () => undefined,
    dispatchFor: (user) => async (method, params) => {
      calls.push(user === undefined ? method : `${user}: ${method}`)
      if (method === 'bad') throw badParams('Missing params')
      if (method === 'none') throw new RpcError(-32601, `Method not found: ${method}`)
      return { params: plain(params) }
    },
  })
}

const legacy = { authorization: undefined, isStrict: false }
const strict = { authorization: undefined, isStrict: true }
const ask = (method: string, more: object = {}) => ({ jsonrpc: '2.0', method, ...more })

async function answer(rpc: HttpRpc, body: unknown, caller = legacy): Promise<unknown> {
  const text = await rpc.answer(typeof body === 'string' ? body : JSON.stringify(body), caller)
  return text === undefined ? undefined : JSON.parse(text)
}

t.test('no body is without an answer', async (t) => {
  const member = fc.record(
    {
      jsonrpc: fc.constantFrom<unknown>('2.0', '1.0', 2),
      method: fc.constantFrom<unknown>('m', 'bad', 'none', 'constructor', 5),
      params: fc.anything(),
      id: fc.anything(),
    },
    { requiredKeys: [] },
  )
  const body = fc.oneof(
    fc.string(),
    fc.json(),
    fc.array(member, { maxLength: 12 }).map((items) => JSON.stringify(items)),
    member.map((one) => JSON.stringify(one)),
  )
  const rpc = rpcOf()
  await fc.assert(
    fc.asyncProperty(body, fc.boolean(), async (text, isStrict) => {
      const reply = await rpc.answer(text, { authorization: undefined, isStrict })
      if (reply === undefined) t.ok(isStrict, text)
      else for (const one of [JSON.parse(reply)].flat()) t.equal(one.jsonrpc, '2.0', text)
    }),
    { numRuns: 1000 },
  )
})

t.test('the members of a reply have their order', async (t) => {
  const rpc = rpcOf()
  t.equal(
    await rpc.answer('["2.0","m",{"b":1,"a":1.0},{"z":1,"y":2}]', legacy),
    '{"jsonrpc":"2.0","result":{"params":{"a":1,"b":1}},"id":{"y":2,"z":1}}',
  )
  t.equal(
    await rpc.answer('{"a"', legacy),
    '{"error":{"code":-32700,"message":"Parse error: invalid type: map, expected a sequence at line 1 column 0"},"id":null,"jsonrpc":"2.0"}',
  )
})

t.test('batches are answered in order, one after the other', async (t) => {
  const calls: string[] = []
  const rpc = rpcOf({ calls, maxBatch: 3 })
  const replies = await answer(rpc, [ask('one', { id: 1 }), ask('none'), ask('two', { id: 2 })])
  t.match(replies, [{ id: 1 }, { error: { code: -32601 }, id: null }, { id: 2 }])
  t.same(calls, ['one', 'none', 'two'])
  t.same(await answer(rpc, '[]'), [])
  t.match(await answer(rpc, Array(4).fill(ask('one'))), { error: { code: -32011 }, id: null })
  t.match(await answer(rpc, Array(4).fill(ask('one')), strict), { error: { code: -32600 } })
  t.equal(calls.length, 3, 'nothing of a batch that is too large is done')
})

t.test('strict callers get the standard', async (t) => {
  const calls: string[] = []
  const rpc = rpcOf({ calls })
  t.equal(await answer(rpc, ask('note'), strict), undefined)
  t.same(calls, ['note'], 'a notification is done')
  t.match(await answer(rpc, ask('bad', { id: 1 }), strict), { error: { code: -32602 }, id: 1 })
  t.match(await answer(rpc, ask('bad', { id: 1 })), { error: { code: -32700 }, id: 1 })
  t.match(await answer(rpc, ask('m', { id: {} }), strict), { error: { code: -32600 }, id: null })
  t.match(await answer(rpc, ask('m', { id: 1, params: 5 }), strict), { error: { code: -32600 } })
  t.match(await answer(rpc, '[]', strict), { error: { code: -32600 }, id: null })
  t.match(await answer(rpc, [1, ask('m'), ask('m', { id: 2 })], strict), [
    { error: { code: -32600 }, id: null },
    { result: {}, id: 2 },
  ])
})

t.test('credentials', async (t) => {
  const auth = { enable_auth: true, jwt_secret: SECRET, api_key: 'api-test-key' }
  const rpc = rpcOf({ auth })
  const now = NOW_MS / 1000
  const claims = { sub: 'me', iat: now, exp: now + 3600, scope: ['*'] }
  const sign = (payload: object, secret = SECRET, alg = 'HS256') =>
    new SignJWT({ ...payload }).setProtectedHeader({ alg }).sign(new TextEncoder().encode(secret))
  const opens = async (authorization: string | undefined, params: object = {}) => {
    const reply = await answer(rpc, ask('m', { id: 1, params }), {
      ...legacy,
      authorization,
    } as never)
    return !('error' in (reply as object))
  }
  const good = await sign(claims)
  t.ok(await opens(`Bearer ${good}`))
  t.ok(await opens(`bEaReR  ${good} `))
  t.ok(await opens('api-test-key'))
  t.ok(await opens(undefined, { auth_token: good }))
  t.ok(await opens(undefined, { auth: { token: 'api-test-key' } }))
  t.ok(await opens(`Bearer ${await sign({ ...claims, exp: now - 59 })}`), 'within the leeway')
  t.ok(await opens(`Bearer ${await sign({ ...claims, nbf: now + 3600 })}`), 'nbf is not looked at')
  const refused: readonly (readonly [string, object])[] = [
    ['expired', { ...claims, exp: now - 61 }],
    ['audience', { ...claims, aud: 'x' }],
    ['no scope', { ...claims, scope: undefined }],
    ['no subject', { ...claims, sub: undefined }],
    ['scope text', { ...claims, scope: '*' }],
  ]
  for (const [what, payload] of refused) t.notOk(await opens(`Bearer ${await sign(payload)}`), what)
  t.notOk(await opens(`Bearer ${await sign(claims, 'other')}`))
  t.notOk(await opens(`Bearer ${await sign(claims, SECRET, 'HS512')}`))
  t.notOk(await opens('Bearer wrong', { auth_token: good }), 'the first credential counts')
  t.notOk(await opens('', { auth_token: good }), 'also an empty one')
  t.notOk(await opens(undefined))
  const both = await answer(rpc, { jsonrpc: '1.0', method: 'm', id: 1 })
  t.match(both, { error: { code: -32001, message: 'Authentication failed' }, id: 1 })
})

t.test('where it is asked for, a token says for whom, and a key does not', async (t) => {
  const now = NOW_MS / 1000
  const payload = { sub: 'anna', iat: now, exp: now + 3600, scope: [] }
  const token = await new SignJWT(payload)
    .setProtectedHeader({ alg: 'HS256' })
    .sign(new TextEncoder().encode(SECRET))
  const calls: string[] = []
  for (const act_for_users of [true, false]) {
    const auth = { enable_auth: true, jwt_secret: SECRET, api_key: 'key', act_for_users }
    const rpc = rpcOf({ auth, calls })
    for (const authorization of [`Bearer ${token}`, 'Bearer key']) {
      await rpc.answer(JSON.stringify(ask('m', { id: 1 })), { authorization, isStrict: false })
    }
    await rpc.answer(JSON.stringify(ask('m', { id: 1, params: { auth_token: token } })), legacy)
  }
  t.strictSame(calls, ['anna: m', 'm', 'anna: m', 'm', 'm', 'm'])
})

t.test('the users that asked last are remembered, and no more of them', (t) => {
  const made: string[] = []
  const users = new Users((user = 'shim') => {
    made.push(user)
    return user
  })
  const names = Array.from({ length: MAX_USERS }, (_, index) => `u${index}`)
  for (const name of [...names, 'u0', 'late']) t.equal(users.of(name), name)
  t.equal(users.size, MAX_USERS)
  for (const name of ['u0', 'late', 'u1']) users.of(name)
  t.strictSame(made.slice(MAX_USERS), ['late', 'u1'], 'u1 had not asked for the longest')
  t.end()
})

t.test('a batch whose replies are too much is not done to its end', async (t) => {
  for (const caller of [legacy, strict]) {
    const calls: string[] = []
    const rpc = rpcOf({ calls, maxBatch: 20 })
    const large = { text: 'x'.repeat(MAX_BATCH_CHARS / 4) }
    const batch = Array.from({ length: 8 }, (_, id) => ask('m', { params: large, id }))
    const replies = (await answer(rpc, batch, caller)) as readonly { readonly error?: object }[]
    t.equal(replies.length, 8)
    t.equal(calls.length, 4)
    t.match(replies[4], { id: 4, error: { code: -32011 } })
  }
})
