/**
 * A client as a process of its own: prompts, follows, interrupts and lists until it is told to rest, and
 * writes all of it down. Its one argument is JSON (ClientOptions); it hears orders over the IPC channel
 * and ends when that closes.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { type Client, connect } from '../../clients/sdk/index.ts'
import { zeromqTransport } from '../../clients/sdk/sockets.ts'
import { seededRandom } from '../support/virtual-clock.ts'
import { Archive } from './archive.ts'
import { ClientCalls, type End, type Wish } from './client-calls.ts'
import { ClientFollower } from './client-follower.ts'
import type { Answer, ClientOptions, Heads, Order } from './client-options.ts'

const options = JSON.parse(process.argv[2] ?? '{}') as ClientOptions
const { name, life, maxCount, paceMs } = options
const random = seededRandom(options.seed + life)
const rest = new AbortController()
const archive = new Archive(options.archive)
let retries = 0

/** A call that was refused or whose end is unknown is made again, with the same key, this often. */
const RETRIES = 3
const PAUSE_MS = 200
const TURN_MS = 15_000

function tell(answer: Answer): void {
  process.send?.(answer)
}

/** The broker tells clients where its streams are; here a proxy stands in between. */
function openClient(): Promise<Client> {
  const direct = { ...zeromqTransport }
  zeromqTransport.subscriber = (_, receive, broken) =>
    direct.subscriber(options.streams, receive, broken)
  return connect({ endpoint: options.endpoint, deadlineMs: 15_000, connectTimeoutMs: 30_000 })
}

/** Resolves with the last end; the same key all the time, so that it can be carried out once only. */
async function insist(calls: ClientCalls, wish: Wish): Promise<End> {
  for (let attempt = 1; ; attempt += 1) {
    const end = await calls.make(wish)
    if (end.type === 'reply' || attempt > RETRIES) return end
    if (rest.signal.aborted && end.executed === 'no') return end
    retries += 1
    await sleep(PAUSE_MS)
  }
}

/** Keeps one session busy, one turn after the other. */
async function work(calls: ClientCalls, follower: ClientFollower): Promise<void> {
  const { session } = follower
  for (let turn = 1; !rest.signal.aborted; turn += 1) {
    const key = `${name}-${life}-${session.slice(0, 8)}-${turn}`
    const count = 1 + Math.floor(random() * maxCount)
    const text = `@@pace(${count},${paceMs}) ${key}`
    const end = await insist(calls, { method: 'session.prompt', session, key, text })
    if (end.type === 'error') await sleep(PAUSE_MS)
    else await duringTurn(calls, follower, end.turn, key)
  }
}

async function duringTurn(
  calls: ClientCalls,
  follower: ClientFollower,
  turn: number,
  key: string,
): Promise<void> {
  const { session } = follower
  const dice = random()
  if (dice < 0.1) {
    await insist(calls, { method: 'session.interrupt', session, key: `${key}-i`, text: '' })
  } else if (dice < 0.2) {
    await calls.make({ method: 'session.list', session, key: '', text: '' })
  }
  await follower.turnEnded(turn, AbortSignal.any([rest.signal, AbortSignal.timeout(TURN_MS)]))
}

/** A call that fails leaves it unsaid. */
async function probe(client: Client, id: number): Promise<void> {
  const isAnswered = await client.call('session.list', { limit: 1 }, { deadlineMs: 30_000 }).then(
    () => true,
    () => false,
  )
  if (isAnswered) tell({ type: 'done', id })
}

async function catchUp(
  followers: readonly ClientFollower[],
  { id, heads }: { readonly id: number; readonly heads: Heads },
): Promise<void> {
  await Promise.all(followers.map((follower) => follower.reached(heads[follower.session] ?? 0)))
  tell({ type: 'done', id })
}

async function main(): Promise<void> {
  const client = await openClient()
  const calls = new ClientCalls(client, archive, name, life)
  const followers = options.sessions.map(
    (session) => new ClientFollower(client, archive, session, options),
  )
  const finish = new Promise<void>((resolve) => {
    process.on('message', (order: Order) => {
      if (order.type === 'rest') rest.abort()
      else if (order.type === 'probe') void probe(client, order.id)
      else if (order.type === 'catch up') void catchUp(followers, order)
      else {
        for (const follower of followers) follower.finishAt(order.heads[follower.session] ?? 0)
        resolve()
      }
    })
  })
  tell({ type: 'ready' })
  await Promise.all([
    ...calls.unfinished.map((wish) => insist(calls, pick(wish))),
    ...followers.map((follower) => work(calls, follower)),
  ])
  tell({ type: 'rests', calls: calls.made, retries })
  await finish
  await Promise.all(followers.map(({ finished }) => finished))
  await client.close()
  process.disconnect()
}

function pick({ method, session, key, text }: Wish): Wish {
  return { method, session, key, text }
}

process.on('disconnect', () => process.exit(0))
process.on('SIGTERM', () => process.exit(0))
await main()
