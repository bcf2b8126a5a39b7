import { setImmediate as turn } from 'node:timers/promises'
import t from 'tap'
import type { StreamItem } from '../../clients/sdk/index.ts'
import { pageRefusal } from '../../clients/shim/http/page-guard.ts'
import { Admission } from '../../clients/shim/sse/admission.ts'
import { pump } from '../../clients/shim/sse/pump.ts'
import { isStreamPath, streamWish } from '../../clients/shim/sse/stream-path.ts'
import { rawAnswer } from '../../clients/shim/sse/stream-request.ts'
import { itemEvent, itemJson } from '../../clients/shim/sse/stream-text.ts'

const text = (seq: number, content = 'x'): StreamItem => ({
  type: 'text',
  content,
  seq,
  time: 5,
  turn: 1,
})

t.test('the path and its query say what is wanted', async (t) => {
  t.equal(isStreamPath('/sessions/a/stream?from=1'), true)
  for (const other of [undefined, '/', '/sessions//stream', '/sessions/a/streams', '/events']) {
    t.equal(isStreamPath(other), false, `${other}`)
  }
  const never = { session: 'a b', from: 1, until: 'never' }
  t.same(streamWish('/sessions/a%20b/stream', undefined), never)
  t.same(streamWish('/sessions/a%20b/stream/?from=0', ''), never)
  t.same(streamWish('/sessions/a%20b/stream?from=7&until=complete', undefined), {
    ...never,
    from: 7,
    until: 'complete',
  })
  t.equal(streamWish('/sessions/a/stream?from=7', '11').from, 12)
  for (const [path, last] of [
    ['/sessions/a/stream?from=-1', undefined],
    ['/sessions/a/stream?from=1e3', undefined],
    ['/sessions/a/stream?until=x', undefined],
    ['/sessions/%zz/stream', undefined],
    ['/sessions/a/stream', 'x'],
  ] as const) {
    t.throws(() => streamWish(path, last), { code: 'INVALID_PARAMS' }, path)
  }
})

t.test('an item is one event, whatever is in it', async (t) => {
  t.equal(
    itemEvent(text(3, 'a\nb')),
    'id: 3\nevent: text\ndata: {"seq":3,"time":5,"turn":1,"type":"text","content":"a\\nb"}\n\n',
  )
  t.equal(
    itemEvent({ type: 'gap', from: 1, to: 4, reason: 'retention' }),
    'id: 4\nevent: gap\ndata: {"type":"gap","from":1,"to":4,"reason":"retention"}\n\n',
  )
  const big: StreamItem = { type: 'tool_use_input', tool_id: 'a', input: 2n ** 60n, ...at(1) }
  t.match(itemJson(big), '"input":"1152921504606846976"')
})

function at(seq: number) {
  return { seq, time: 0, turn: 0 }
}

async function* items(count: number) {
  for (let seq = 1; seq <= count; seq += 1) yield text(seq)
}

t.test('a stream moves as fast as its client, and not past one that takes nothing', async (t) => {
  const gone = new AbortController()
  const written: StreamItem[] = []
  let free: () => void = () => undefined
  const sink = {
    write: (item: StreamItem) => {
      written.push(item)
      return new Promise<void>((resolve) => {
        free = resolve
      })
    },
  }
  let isOver: () => void = () => undefined
  const pause = (_ms: number, signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      isOver = resolve
      signal.addEventListener('abort', () => reject(new Error('aborted')))
    })
  const moving = pump({ items: items(3), sink, signal: gone.signal, pause })
  for (const count of [1, 2]) {
    await turn()
    t.equal(written.length, count)
    free()
  }
  await turn()
  isOver()
  t.equal(await moving, 'stalled')
  t.equal(written.length, 3)
  const leaving = pump({ items: items(3), sink, signal: gone.signal, pause })
  await turn()
  gone.abort()
  t.equal(await leaving, 'gone')
  const eager = { write: () => undefined }
  const { signal } = new AbortController()
  t.equal(await pump({ items: items(3), sink: eager, signal, pause }), 'ended')
})

const asking = (headers: Record<string, string>, url = '/sessions/a/stream') =>
  ({ headers, url }) as unknown as Parameters<Admission['admit']>[0]

t.test('pages of the web cannot open what asks nobody who they are', async (t) => {
  const refusal = (headers: Record<string, string>, isExposed = false) =>
    pageRefusal({ headers }, isExposed)
  const here = 'http://127.0.0.1:19280'
  for (const host of ['127.0.0.1:19280', 'localhost:19280', '[::1]:19280', '192.168.0.7']) {
    t.equal(refusal({ host }), undefined, `no page, ${host}`)
    t.equal(refusal({ host, origin: here }), undefined, `a page from here, ${host}`)
    t.match(refusal({ host, origin: 'https://evil.example' }), /pages of https:\/\/evil/)
    t.match(refusal({ host, origin: 'null' }), /pages of null/)
    t.match(refusal({ host, origin: 'http://localhost.evil.example' }), /pages of/)
  }
  t.equal(refusal({}), undefined, 'HTTP/1.0')
  const rebound = { host: 'evil.example:19280', origin: 'http://evil.example:19280' }
  t.match(refusal(rebound), /ask by address/, 'a name that was made to point here')
  t.match(refusal({ host: 'evil.example' }), /ask by address/, 'without an origin as well')
  t.match(refusal({ host: 'http://[' }), /ask by address/)
  t.equal(refusal({ host: 'me.lan', origin: 'https://me.lan' }, true), undefined, 'exposed')
  t.match(refusal({ host: 'me.lan', origin: 'https://evil.example' }, true), /pages of/)
  const open = new Admission({ enable_auth: false, expose_http: false }, Date.now)
  t.strictSame(await open.admit(asking({})), { user: undefined })
  t.match(await open.admit(asking({ origin: 'https://evil.example' })), { status: 403 })
})

t.test('with authentication a token opens, in the header or in the query', async (t) => {
  const admission = new Admission(
    { enable_auth: true, expose_http: false, api_key: 'sesame' },
    Date.now,
  )
  t.match(await admission.admit(asking({})), { status: 401 })
  t.match(await admission.admit(asking({ authorization: 'Bearer no' })), { status: 401 })
  t.strictSame(await admission.admit(asking({ authorization: 'Bearer sesame' })), {
    user: undefined,
  })
  const query = '/sessions/a/stream?auth_token=sesame'
  t.strictSame(await admission.admit(asking({ origin: 'https://app.example' }, query)), {
    user: undefined,
  })
})

t.test('an upgrade that is refused gets an answer', async (t) => {
  t.equal(
    rawAnswer({ status: 404, body: '{}' }),
    'HTTP/1.1 404 Not Found\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}',
  )
})
