/**
 * The same story played with and without somebody in it. Each step has a seed of its own, so that what one
 * person does depends on nothing but the story and what that person was told. Ids, tickets and cursors are
 * written as what they stand for: all else that a person sees must be the same in both worlds.
 */
import { isLive, type SessionRecord } from '../../broker/core/sessions.ts'
import { decodeTrusted } from '../../protocol/codec.ts'
import type { ChunkBody } from '../../protocol/messages/chunk.ts'
import { type BrokerMethod, METHODS, type Params } from '../../protocol/methods/index.ts'
import { CoreHarness } from './core-harness.ts'
import { type Client, Host } from './core-peers.ts'
import { person, type Rights } from './core-people.ts'
import { type Chance, chanceOf, sample } from './sample.ts'
import { seededRandom } from './virtual-clock.ts'

export type Name = 'anna' | 'bob'

export type Step = { readonly seed: number } & (
  | { readonly kind: 'call' | 'redeem' | 'cancel' | 'host'; readonly who: Name }
  | { readonly kind: 'time' }
)

export interface Cast {
  readonly rights: Rights
  /** Whether it tries its hand at what is the other's. */
  readonly isCurious: boolean
}

const BROKER_METHODS = (Object.keys(METHODS) as (keyof typeof METHODS)[]).filter(
  (name): name is BrokerMethod => METHODS[name].answeredBy === 'broker',
)

/** What makes things happen comes more often than what is only asked. */
const OFTEN: readonly BrokerMethod[] = [
  'session.create',
  'session.create',
  'session.prompt',
  'session.prompt',
  'session.stop',
  'session.recover',
  'session.remove',
  'session.rename',
  'approval.list',
  'approval.answer',
  'workflow.execute',
  'workflow.get',
  'stream.open',
  'stream.open',
  'stream.read',
  'stream.readers',
]

/** Everything that is there begins with the same characters. */
const SHARED = 3

function idsWithOneBeginning(seed: number): (size: number) => Buffer {
  const random = seededRandom(seed)
  const byte = (index: number) => (index < SHARED ? 0xab : Math.floor(random() * 256))
  return (size) => Buffer.from(Array.from({ length: size }, (_, index) => byte(index)))
}

export class World {
  readonly #harness: CoreHarness
  readonly #host: Host
  readonly #people = new Map<Name, Person>()

  constructor(cast: Readonly<Partial<Record<Name, Cast>>>, seed: number) {
    this.#harness = new CoreHarness({ random: idsWithOneBeginning(seed) })
    this.#host = new Host(this.#harness)
    this.#host.register()
    for (const [name, { rights, isCurious }] of Object.entries(cast) as [Name, Cast][]) {
      const client = person(this.#harness, name, rights)
      const other = (): Things | undefined => this.#people.get(name === 'anna' ? 'bob' : 'anna')
      this.#people.set(name, new Person(name, this.#harness, client, isCurious ? other : undefined))
    }
  }

  play(steps: readonly Step[]): void {
    for (const step of steps) {
      const chance = chanceOf(seededRandom(step.seed))
      if (step.kind === 'time') this.#harness.advance(50 * (1 + chance.below(30)))
      else this.#act(step.kind, step.who, chance)
      for (const one of this.#people.values()) one.listen()
    }
    this.#harness.advance(5000)
    for (const one of this.#people.values()) one.listen()
  }

  #act(kind: 'call' | 'redeem' | 'cancel' | 'host', who: Name, chance: Chance): void {
    const one = this.#people.get(who)
    if (!one) return
    if (kind === 'host') this.#work(one, chance)
    else one[kind](chance)
  }

  /** What a person was told, in order. */
  told(name: Name): readonly string[] {
    return this.#people.get(name)?.told ?? []
  }

  /** The host of a session does something. */
  #work({ name, sessions }: Person, chance: Chance): void {
    const records = sessions.flatMap((id) => this.#harness.core.sessions.get(id) ?? [])
    const record = chance.pick(records.filter((one) => isLive(one) && one.status !== 'lost'))
    if (record) WORKS[chance.below(WORKS.length)]?.(this.#host, record, name)
  }
}

const question = (approval: string): ChunkBody<'approval_request'> => ({
  approval,
  tool_id: 't',
  tool_name: 'Bash',
  input: {},
  options: ['allow', 'deny'],
})

const WORKS: readonly ((host: Host, record: SessionRecord, name: Name) => void)[] = [
  (host, { session, epoch, turn }) =>
    host.append(session, 'text', { content: 'words of an agent\n' }, { epoch, turn }),
  (host, { session, epoch, turn }, name) =>
    host.append(session, 'approval_request', question(`ask-${name}-${turn}`), { epoch, turn }),
  (host, { session, epoch, turn }) =>
    host.append(session, 'approval_request', question('ask-same'), { epoch, turn }),
  (host, { session, epoch, open: [first] }) => {
    if (!first) return
    const { turn } = first
    host.append(
      session,
      'turn_complete',
      { turn_number: turn, reason: 'end_turn' },
      { epoch, turn },
    )
  },
  (host, { session, epoch }) => host.exit(session, 0, epoch),
]

/** What a person has, in the order in which it got it. */
interface Things {
  readonly sessions: readonly string[]
  readonly executions: readonly string[]
  readonly tickets: readonly string[]
}

type Kind = keyof Things

class Person implements Things {
  readonly name: Name
  readonly sessions: string[] = []
  readonly executions: string[] = []
  readonly tickets: string[] = []
  readonly told: string[] = []
  readonly #harness: CoreHarness
  readonly #client: Client
  readonly #other: (() => Things | undefined) | undefined
  readonly #topics = new Map<string, string>()
  readonly #words = new Words()
  readonly #asked: { readonly id: string; readonly method: BrokerMethod }[] = []
  #cursor = 0
  #heard = 0
  #read = 0

  constructor(
    name: Name,
    harness: CoreHarness,
    client: Client,
    other: (() => Things | undefined) | undefined,
  ) {
    this.name = name
    this.#harness = harness
    this.#client = client
    this.#other = other
  }

  call(chance: Chance): void {
    const often = chance.below(3) > 0
    const method = chance.pick(often ? OFTEN : BROKER_METHODS) ?? 'session.list'
    const meaning = (name: string) => this.#meant(name, chance)
    if (!this.#isCurious && OF_ALL.has(method)) return
    const params = sample(METHODS[method].params, { chance, meaning, optionals: 4 })
    const key = chance.below(4) === 0 ? `k${chance.below(3)}` : ''
    const id = this.#client.ask(method, params as Params<typeof method>, { key })
    this.#asked.push({ id, method })
  }

  cancel(chance: Chance): void {
    const last = chance.pick(this.#asked.slice(-3))
    if (last) this.#client.cancel(last.id)
  }

  /** Subscribes with a ticket, as XSUB would. */
  redeem(chance: Chance): void {
    const { core } = this.#harness
    const ticket = chance.pick(this.tickets)
    const state = ticket === undefined ? undefined : core.tickets.redeem(ticket)
    if (ticket === undefined || !state) return
    this.#topics.set(state.topic, `stream ${this.#words.plain(state.session)}`)
    core.subscribed(ticket)
  }

  #meant(name: string, chance: Chance): unknown {
    const meanings: Readonly<Record<string, () => unknown>> = {
      session: () => this.#session(chance),
      sessions: () => [this.#session(chance), this.#session(chance)],
      execution: () => this.#one('executions', chance),
      ticket: () => this.#one('tickets', chance),
      positions: () => [[this.#one('tickets', chance), chance.below(9)]],
      approval: () => chance.pick(this.#isCurious ? QUESTIONS : [`ask-${this.name}-1`]),
      name: () => chance.pick(['blue', 'red', '']),
      backend: () => 'demo',
      host: () => chance.pick(['h1', 'name of h1', 'nowhere']),
      labels: () => [],
      text: () => 'hello',
      metadata: () => ({ a: chance.below(3) }),
      changed_since: () => chance.pick([0, this.#cursor, this.#cursor, 100]),
      wait_ms: () => chance.pick([0, 300]),
      from: () => 1,
      limit: () => 1 + chance.below(5),
      params: () => ({}),
      steps: () => this.#steps(chance),
    }
    return meanings[name]?.()
  }

  #steps(chance: Chance): unknown {
    const start = { backend: 'demo', name: 'blue' }
    const session = this.#session(chance)
    const first = chance.below(2) === 0 ? { start } : { session }
    const second = { id: 'b', session: this.#session(chance), prompt: 'and then', needs: ['a'] }
    return [{ id: 'a', prompt: 'go', ...first }, second].slice(0, 1 + chance.below(2))
  }

  #session(chance: Chance): string {
    const one = this.#one('sessions', chance)
    const stream = `@workflow/${this.#one('executions', chance)}`
    const others = this.#isCurious ? ['blue', 'red', 'ababab', '@events'] : []
    return chance.pick([one, one, one, stream, ...others]) ?? one
  }

  /** Whether it reaches for what may be the other's. */
  get #isCurious(): boolean {
    return this.#other !== undefined
  }

  /** Of its own, or of the other; as a whole, or the beginning. */
  #one(kind: Kind, chance: Chance): string {
    const isOther = this.#isCurious && chance.below(3) === 0
    const index = chance.below(4)
    const owner = isOther ? 'other' : 'own'
    const things = isOther ? this.#other?.() : this
    const id = things?.[kind][index] ?? nobodys(kind, owner, index)
    const isWhole = kind === 'tickets' || chance.below(3) > 0
    const word = `<${owner} ${kind} ${index}>`
    this.#words.learn(id, word)
    if (isWhole) return id
    const beginning = id.slice(0, 13)
    this.#words.learn(beginning, `<beginning of ${word}>`)
    return beginning
  }

  /** Notes what has come, and learns from it. */
  listen(): void {
    const { received } = this.#client
    for (const { head, body } of received.slice(this.#heard)) {
      const value = body.length === 0 ? undefined : decodeTrusted(body)
      if (head.kind === 'REPLY') this.#learn(head.id, value as Readonly<Record<string, unknown>>)
      this.#note({ head, value })
    }
    this.#heard = received.length
    const { published } = this.#harness
    for (const { topic, message } of published.slice(this.#read)) {
      const stream = this.#topics.get(topic)
      if (stream !== undefined) this.#note({ stream, head: message.head, body: message.body })
    }
    this.#read = published.length
  }

  #learn(id: string, { session, execution, ticket, topic, cursor }: Record<string, unknown>): void {
    const method = this.#asked.find((one) => one.id === id)?.method
    const isNew = (things: readonly string[], thing: unknown): thing is string =>
      typeof thing === 'string' && !things.includes(thing)
    if (method === 'session.create' && isNew(this.sessions, session)) {
      this.#words.learn(session, `<own sessions ${this.sessions.push(session) - 1}>`)
    }
    if (method === 'workflow.execute' && isNew(this.executions, execution)) {
      this.#words.learn(execution, `<own executions ${this.executions.push(execution) - 1}>`)
    }
    if (isNew(this.tickets, ticket)) {
      this.#words.learn(ticket, `<own tickets ${this.tickets.push(ticket) - 1}>`)
      this.#words.learn(String(topic), '<topic>')
    }
    if (method === 'approval.list' && typeof cursor === 'number') this.#cursor = cursor
  }

  #note(what: unknown): void {
    this.told.push(
      this.#words.plain(JSON.stringify(what, (name, value) => this.#told(name, value))),
    )
  }

  #told(name: string, value: unknown): unknown {
    const isNumber = typeof value === 'number'
    if (isNumber && NUMBERS.has(name)) return this.#words.number(name, value)
    if (name === 'connection') return '<connection>'
    const bytes = bytesOf(value)
    if (bytes === undefined) return value
    return bytes.length === 0 ? '' : decodeTrusted(bytes)
  }
}

const QUESTIONS = ['ask-same', 'ask-', 'ask-anna-1', 'ask-bob-1', 'ask-anna-0']

/** They change what everybody has to do with. */
const OF_ALL: ReadonlySet<BrokerMethod> = new Set(['host.drain', 'host.undrain'])

/** They number what everybody does; what they are to one person is their order. */
const NUMBERS: ReadonlySet<string> = new Set(['cursor', 'change'])

/** JSON.stringify shows a Buffer as what its toJSON made of it. */
function bytesOf(value: unknown): Buffer | undefined {
  if (value instanceof Uint8Array) return Buffer.from(value)
  const { type, data } = (value ?? {}) as { readonly type?: unknown; readonly data?: unknown }
  return type === 'Buffer' && Array.isArray(data) ? Buffer.from(data as number[]) : undefined
}

/** What such a thing would be called, if it existed. */
function nobodys(kind: Kind, owner: string, index: number): string {
  if (kind === 'tickets') return `${owner}-ticket-${index}`
  const which = `${owner === 'own' ? 'e' : 'f'}${kind === 'sessions' ? '5' : 'e'}`
  return `ababab${which}-${index}000-4000-8000-000000000000`
}

/** Ids as what they stand for. */
class Words {
  readonly #known = new Map<string, string>()
  readonly #numbers = new Map<string, Map<number, number>>()
  readonly #uuids = new Map<string, number>()

  learn(id: string, word: string): void {
    if (!this.#known.has(id)) this.#known.set(id, word)
  }

  number(name: string, value: number): string {
    const seen = this.#numbers.get(name) ?? new Map<number, number>()
    this.#numbers.set(name, seen)
    if (!seen.has(value)) seen.set(value, seen.size)
    return `<${name} ${seen.get(value)}>`
  }

  plain(text: string): string {
    const longest = [...this.#known].sort(([a], [b]) => b.length - a.length)
    const known = longest.reduce((said, [id, word]) => said.replaceAll(id, word), text)
    return known.replace(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, (id) => {
      if (!this.#uuids.has(id)) this.#uuids.set(id, this.#uuids.size)
      return `<id ${this.#uuids.get(id)}>`
    })
  }
}
