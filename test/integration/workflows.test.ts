/** A workflow with a fork and a join over real agents, while its broker is killed again and again. */
import t from 'tap'
import type { Client } from '../../clients/sdk/index.ts'
import type { Params } from '../../protocol/methods/index.ts'
import { only, until } from '../support/chunks.ts'
import { Cluster } from '../support/cluster.ts'
import { seededRandom } from '../support/virtual-clock.ts'

const start = { backend: 'demo' }
const steps: Params<'workflow.execute'>['steps'] = [
  { id: 'a', start, prompt: '@@echo({{inputs.word}})' },
  { id: 'b', start, needs: ['a'], prompt: '@@count(300) @@echo(b of {{steps.a.output}})' },
  { id: 'c', start, needs: ['a'], prompt: '@@echo(c of {{steps.a.output}})' },
  { id: 'd', start, needs: ['b', 'c'], prompt: '@@echo(d of {{steps.c.output}})' },
  { id: 'e', start, needs: ['d'], prompt: '@@echo(e of {{steps.d.output}})' },
]

/** Events of one execution: started, two for each step, completed. */
const EVENTS = 12

const ENDS: ReadonlySet<string> = new Set(['completed', 'failed', 'cancelled'])

/** Every prompt that any session was ever given. */
async function prompts(client: Client): Promise<string[]> {
  const { sessions } = await client.call('session.list', {})
  const streams = sessions.map(({ session }) =>
    until(client.follow(session), ({ type }) => type === 'complete'),
  )
  return (await Promise.all(streams)).flatMap((items) =>
    only(items, 'prompt').map(({ text }) => text),
  )
}

for (const seed of [1, 2, 3]) {
  t.test(`a killed broker asks nothing twice, and loses no step (seed ${seed})`, async (t) => {
    const cluster = await Cluster.make(t)
    let broker = await cluster.broker()
    await cluster.host()
    const client = await cluster.connect()
    const random = seededRandom(seed)
    const kills = new Set(Array.from({ length: 4 }, () => 1 + Math.floor(random() * (EVENTS - 1))))
    t.comment(`killed after the events ${[...kills].sort((a, b) => a - b).join(', ')}`)
    const { execution } = await client.call('workflow.execute', { steps, inputs: { word: 'x' } })
    const told: string[] = []
    for await (const item of client.follow(`@workflow/${execution}`)) {
      if (item.type !== 'event') continue
      const { step } = item.data
      told.push(typeof step === 'string' ? `${item.event} ${step}` : item.event)
      if (kills.has(told.length)) {
        await cluster.signal(broker, 'SIGKILL')
        broker = await cluster.broker()
      }
      if (ENDS.has(item.event)) break
    }
    t.equal(told.length, EVENTS, told.join(', '))
    t.equal(new Set(told).size, EVENTS)
    const ended = await client.call('workflow.get', { execution })
    t.equal(ended.status, 'completed', ended.reason)
    t.match(ended.steps[4], { id: 'e', output: 'e of d of c of x' })
    t.match(ended.steps[1]?.output, /299 300 ?\s*b of x$/)
    const asked = await prompts(client)
    t.strictSame(asked.sort(), [
      '@@count(300) @@echo(b of x)',
      '@@echo(c of x)',
      '@@echo(d of c of x)',
      '@@echo(e of d of c of x)',
      '@@echo(x)',
    ])
  })
}

t.test('cancel interrupts the turn, and a deadline ends the agent', async (t) => {
  const { cluster } = await Cluster.start(t)
  const client = await cluster.connect()
  const prompt = '@@echo(on) @@hang'
  const session = await client.createSession(start)
  const steps = [{ id: 'a', session: session.id, prompt }]
  const { execution } = await client.call('workflow.execute', { steps })
  await until(session.follow(), ({ type }) => type === 'text')
  t.match(await client.call('workflow.cancel', { execution }), { status: 'cancelled' })
  const turn = await until(session.follow(), ({ type }) => type === 'turn_complete')
  t.match(turn.at(-1), { turn_number: 1, reason: 'interrupted' })

  const own = [{ id: 'a', start, prompt, deadline_ms: 2000 }]
  const late = await client.call('workflow.execute', { steps: own })
  await until(client.follow(`@workflow/${late.execution}`), (item) => {
    return item.type === 'event' && item.event === 'failed'
  })
  const ended = await client.call('workflow.get', { execution: late.execution })
  t.match(ended, {
    reason: /the deadline passed/,
    steps: [{ error: { code: 'DEADLINE_EXCEEDED' } }],
  })
  await session.stop()
  t.ok((await prompts(client)).length > 0, 'every session has ended')
})
