/**
 * Two hosts that share nothing but the socket of the broker: each in a network namespace of its own,
 * where that is possible, and so without any network. One is killed in the middle of its work.
 */
import { spawnSync } from 'node:child_process'
import { readlinkSync } from 'node:fs'
import t, { type Test } from 'tap'
import type { Client, SessionHandle, StreamItem } from '../../clients/sdk/index.ts'
import { only, textOf, turn, until } from '../support/chunks.ts'
import { Cluster, type Part } from '../support/cluster.ts'

const APART = ['unshare', '--net']
const canUnshare = spawnSync('unshare', ['--net', 'true']).status === 0

const network = ({ pid }: Part): string => readlinkSync(`/proc/${pid}/ns/net`)

interface Stage {
  readonly cluster: Cluster
  readonly client: Client
  readonly start: (name: string) => Promise<Part>
}

async function stage(t: Test): Promise<Stage> {
  const cluster = await Cluster.make(t)
  await cluster.broker()
  const start = (name: string): Promise<Part> =>
    cluster.host({
      args: ['--name', name, '--label', name, '--root', cluster.workspace],
      ...(canUnshare && { within: APART }),
    })
  return { cluster, client: await cluster.connect(), start }
}

/** Everything that a reader was shown, and a way to wait for one of it. */
class Reader {
  readonly seen: StreamItem[] = []
  readonly #waiting = new Set<() => void>()

  constructor(session: SessionHandle) {
    this.#read(session).catch((thrown: { code?: unknown }) => {
      if (thrown.code !== 'CONNECTION_CLOSED') throw thrown // it reads until its client is closed
    })
  }

  async #read(session: SessionHandle): Promise<void> {
    for await (const item of session.follow()) {
      this.seen.push(item)
      for (const look of this.#waiting) look()
    }
  }

  shows(fits: (item: StreamItem) => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!this.seen.some(fits)) return
        this.#waiting.delete(look)
        resolve()
      }
      this.#waiting.add(look)
      look()
    })
  }

  /** 1, 2, 3 …: nothing lost, nothing twice. */
  get isWhole(): boolean {
    return this.seen.every((item, index) => item.type !== 'gap' && item.seq === index + 1)
  }
}

const isStatus = (status: string) => (item: StreamItem) =>
  item.type === 'status' && item.status === status
const isEnd = ({ type }: StreamItem): boolean => type === 'complete'
const isTurnEnd = (number: number) => (item: StreamItem) =>
  item.type === 'turn_complete' && item.turn_number === number

t.test('sessions are placed by label, and outlive the host that ran them', async (t) => {
  const { cluster, client, start } = await stage(t)
  const [east, west] = await Promise.all([start('east'), start('west')])
  const all = await client.call('host.list', {})
  t.equal(all.hosts.length, 2)
  if (canUnshare) {
    const own = readlinkSync('/proc/self/ns/net')
    t.equal(new Set([own, network(east), network(west)]).size, 3, 'three networks')
  } else t.comment('network namespaces may not be made here: the hosts share this one')

  const create = (label: string) =>
    client.createSession({ backend: 'demo', labels: [label], cwd: cluster.workspace })
  const sessions = await Promise.all(['east', 'east', 'west', 'west'].map(create))
  const [first, second, third, fourth] = sessions as [
    ...[SessionHandle, SessionHandle, SessionHandle, SessionHandle],
  ]
  const placed = sessions.map(({ info }) => info.host)
  const idOf = (name: string) => all.hosts.find((host) => host.name === name)?.host
  t.strictSame(placed, [idOf('east'), idOf('east'), idOf('west'), idOf('west')])
  const nowhere = client.createSession({ backend: 'demo', labels: ['east', 'west'] })
  await t.rejects(nowhere, { code: 'NO_HOST', message: /labels/ })

  const readers = sessions.map((session) => new Reader(session))
  for (const session of sessions) await turn(session, '@@echo(remember me)')
  const [running] = await Promise.all([
    first.prompt('@@count(50000000)'),
    third.prompt('@@slow(20)'),
  ])
  await until(first.follow({ from: running.sequence }), ({ type }) => type === 'text')

  const killed = performance.now()
  await cluster.signal(east, 'SIGKILL')
  await Promise.all([readers[0]?.shows(isStatus('lost')), readers[1]?.shows(isStatus('lost'))])
  t.comment(`readers were told after ${Math.round(performance.now() - killed)} ms`)
  await t.rejects(second.prompt('x', { deadlineMs: 1 }), 'nobody can take it now')
  await readers[2]?.shows(isTurnEnd(2))
  t.match(await fourth.refresh(), { status: 'idle' }, 'the other host goes on')

  await start('east')
  await Promise.all([readers[0]?.shows(isEnd), readers[1]?.shows(isEnd)])
  for (const session of [first, second]) {
    t.match(await session.recover(), { status: 'idle', epoch: 2, host: idOf('east') })
    t.match(textOf(await turn(session, '@@recall')), /^I remember [12] earlier turns/)
  }
  for (const [index, session] of sessions.entries()) {
    const { head } = await session.refresh()
    await readers[index]?.shows((item) => item.type !== 'gap' && item.seq === head)
    t.ok(readers[index]?.isWhole, `reader ${index + 1}: 1 to ${head}, each once`)
  }
  t.match(only(readers[0]?.seen ?? [], 'turn_complete'), [
    { reason: 'end_turn' },
    { reason: 'gone' },
  ])
})
