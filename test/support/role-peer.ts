/**
 * A peer in a process of its own: connects as it is told, tries each call that it is given, follows and reads
 * back a stream, and tells on stdout what came of it, a line of JSON each. Started by RolePeer.
 */
import { type Actor, type ConnectOptions, connect, type Follow } from '../../clients/sdk/index.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import type { BrokerMethod, Params } from '../../protocol/methods/index.ts'

export interface Orders {
  readonly place: ConnectOptions
  /** Whom a gateway acts for. */
  readonly user?: string
  readonly calls: readonly (readonly [method: BrokerMethod, params: object])[]
  /** A stream to read, and the turn that ends it. */
  readonly session: string
  readonly turn: number
}

export interface Outcome {
  /** `OK`, or the code of the error. */
  readonly code: string
  readonly error?: unknown
}

/** Each is told when it is known. */
export type Told =
  | { readonly told: 'welcome'; readonly principal: string; readonly roles: readonly string[] }
  | { readonly told: 'calls'; readonly outcomes: Readonly<Record<string, Outcome>> }
  /** It has what is there, and hears what comes. */
  | { readonly told: 'live'; readonly sequences: number }
  | {
      readonly told: 'followed' | 'replayed'
      readonly outcome: Outcome
      readonly sequences: number
    }

function tell(told: Told): void {
  process.stdout.write(`${JSON.stringify(told)}\n`)
}

async function outcomeOf(work: Promise<unknown>): Promise<Outcome> {
  try {
    await work
    return { code: 'OK' }
  } catch (thrown) {
    const error = ProtocolError.from(thrown, 'client')
    return { code: error.code, error: error.toWire() }
  }
}

async function tryAll(actor: Actor, calls: Orders['calls']): Promise<void> {
  const outcomes: Record<string, Outcome> = {}
  for (const [method, params] of calls) {
    outcomes[method] = await outcomeOf(actor.call(method, params as Params<typeof method>))
  }
  tell({ told: 'calls', outcomes })
}

async function follow(actor: Actor, { session, turn }: Orders): Promise<void> {
  let sequences = 0
  const items = actor.follow(session)
  const read = async (): Promise<void> => {
    const { head } = await actor.call('session.get', { session })
    sequences = await readTo(items, (seq) => seq >= head)
    tell({ told: 'live', sequences })
    sequences = await readTo(items, (_, type, ended) => type === 'turn_complete' && ended === turn)
  }
  const outcome = await outcomeOf(read())
  tell({ told: 'followed', outcome, sequences })
}

/** Throws at a hole or a repetition. */
async function readTo(
  items: Follow,
  isLast: (seq: number, type: string, turn: number) => boolean,
): Promise<number> {
  let last: number | undefined
  for (;;) {
    const { value: item } = await items.next()
    if (!item || item.type === 'gap') throw new Error('the stream has an end, or a gap')
    if (last !== undefined && item.seq !== last + 1) throw new Error(`${item.seq} after ${last}`)
    last = item.seq
    if (isLast(item.seq, item.type, item.turn)) return last
  }
}

async function replay(actor: Actor, { session }: Orders): Promise<void> {
  let sequences = 0
  const read = async (): Promise<void> => {
    for (let from = 1; ; ) {
      const page = await actor.call('stream.read', { session, from, max_count: 3 })
      sequences += page.chunks.length
      if (page.next > page.head) return
      from = page.next
    }
  }
  const outcome = await outcomeOf(read())
  tell({ told: 'replayed', outcome, sequences })
}

async function run(orders: Orders): Promise<void> {
  const client = await connect(orders.place)
  const { principal, roles } = client.welcome
  tell({ told: 'welcome', principal, roles })
  const actor = orders.user === undefined ? client : client.as(orders.user)
  await tryAll(actor, orders.calls)
  await follow(actor, orders)
  await replay(actor, orders)
  await client.close()
}

await run(JSON.parse(process.argv[2] ?? '{}') as Orders)
