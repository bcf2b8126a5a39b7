/** The proxy of fault runs does what its faults say. */
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { choosePlaces } from '../chaos/places.ts'
import { Proxies } from '../chaos/proxies.ts'
import { FaultyProxy } from '../chaos/proxy.ts'
import { shortDir } from '../support/cli.ts'

/** A server that says everything back, a proxy before it, and a connection through both. */
async function setUp(t: Test) {
  const dir = shortDir(t)
  const target = join(dir, 'target')
  const ends: Socket[] = []
  const server = createServer((socket) => {
    ends.push(socket.on('error', () => undefined))
    socket.pipe(socket)
  }).listen(target)
  await once(server, 'listening')
  const proxy = await FaultyProxy.start({ listen: join(dir, 'proxy'), target })
  const near = connect(join(dir, 'proxy')).setEncoding('utf8')
  t.teardown(async () => {
    near.destroy()
    await proxy.close()
    server.close()
  })
  const said = async (text: string): Promise<string> => {
    near.write(text)
    return String((await once(near, 'data'))[0])
  }
  t.equal(await said('hello'), 'hello')
  return { proxy, near, said, ends }
}

t.test('a cut ends both sides', async (t) => {
  const { proxy, near, ends } = await setUp(t)
  const closed = [once(near, 'close'), ...ends.map((end) => once(end, 'close'))]
  proxy.cut()
  await Promise.all(closed)
  t.equal(proxy.connections, 0)
})

t.test('what is held comes when the proxy lets it pass, in order', async (t) => {
  const { proxy, near } = await setUp(t)
  proxy.become('hold')
  near.write('one ')
  near.write('two')
  let isHeld = true
  const data = once(near, 'data').then(([text]) => ({ text: String(text), isHeld }))
  await new Promise((resolve) => setImmediate(resolve))
  isHeld = false
  proxy.heal()
  t.match(await data, { text: /^one/, isHeld: false })
})

t.test('half-open: the far side sees the end, the near side only when it heals', async (t) => {
  const { proxy, near, ends } = await setUp(t)
  const closed = once(near, 'close')
  const gone = ends.map((end) => once(end, 'close'))
  proxy.halfOpen()
  await Promise.all(gone)
  t.equal(near.destroyed, false)
  proxy.heal()
  await closed
})

t.test('a delay keeps the order', async (t) => {
  const { proxy, said } = await setUp(t)
  proxy.delay(20)
  const startedMs = performance.now()
  t.equal(await said('late'), 'late')
  t.ok(performance.now() - startedMs >= 35, 'both ways')
})

t.test('proxies in a process of their own do as they are told, then pass again', async (t) => {
  const dir = shortDir(t)
  const places = await choosePlaces('tcp', dir)
  const server = createServer((socket) => void socket.on('error', () => undefined).pipe(socket))
  await once(server.listen(Number(places.broker), '127.0.0.1'), 'listening')
  const surprises: string[] = []
  const onSurprise = (what: string) => void surprises.push(what)
  const proxies = await Proxies.start({ dir, places, onSurprise })
  const dial = () => connect(Number(places.lines.calls), '127.0.0.1').setEncoding('utf8')
  const near = dial()
  near.write('hello')
  t.strictSame(await once(near, 'data'), ['hello'])
  const closed = once(near, 'close')
  await proxies.order('calls', 'cut')
  await closed
  await proxies.order('calls', 'refuse')
  await once(
    dial().on('error', () => undefined),
    'close',
  )
  await proxies.order('calls', 'heal')
  const again = dial()
  again.write('again')
  t.strictSame(await once(again, 'data'), ['again'])
  await proxies.end()
  again.destroy()
  server.close()
  t.strictSame(surprises, [])
  await t.rejects(proxies.order('calls', 'heal'), /the proxies ended/)
})
