/** What has to hold once a run has become quiet. */
import { isDeepStrictEqual } from 'node:util'
import type { StoredChunk } from '../../broker/journal/journal.ts'
import type { StreamItem } from '../../clients/sdk/stream-item.ts'
import { toStreamItem } from '../../clients/sdk/stream-item.ts'
import { checkApprovals } from './approval-invariants.ts'
import { checkAudit } from './audit-invariants.ts'
import type { SimAgent } from './sim-agent.ts'
import { checkState } from './state-invariants.ts'
import type { World } from './world.ts'

export function checkAtEnd(world: World, probes: readonly string[]): void {
  for (const session of world.ledger.streams.keys()) checkStream(world, session)
  checkReaders(world)
  checkCalls(world)
  checkPrompts(world)
  checkApprovals(world)
  checkState(world)
  checkAudit(world)
  checkProbes(world, probes)
  checkNames(world)
  checkLeaks(world)
}

/** Chunks of the ledger as a reader should have got them. */
function itemsOf(chunks: readonly StoredChunk[]): StreamItem[] {
  return chunks.map(({ sequence, time, turn, type, body }) =>
    toStreamItem({ seq: sequence, time, turn, code: type, body }),
  )
}

/** Tokens come in order, without a hole, and never from an agent that was replaced. */
function checkStream(world: World, session: string): void {
  const { violations, history, ledger } = world
  const seen = new Map<number, number>()
  let last = 0
  for (const item of itemsOf(ledger.of(session))) {
    for (const [pid, token] of tokensOf(item)) {
      const before = seen.get(pid) ?? 0
      violations.check(token === before + 1, () => `${session}: ${pid}:${token} after ${before}`)
      violations.check(pid >= last, () => `${session}: agent ${pid} wrote after ${last}`)
      seen.set(pid, token)
      last = pid
    }
  }
  for (const agent of history.agents) {
    if (agent.session !== session || !isAlive(world, agent)) continue
    const count = seen.get(agent.pid) ?? 0
    violations.check(
      count === agent.tokens,
      () => `${session}: agent ${agent.pid} wrote ${agent.tokens} tokens, ${count} arrived`,
    )
  }
}

function tokensOf(item: StreamItem): [number, number][] {
  const text = item.type === 'text' ? item.content : item.type === 'tool_result' ? item.result : ''
  return text
    .split(';')
    .filter((token) => token !== '')
    .map((token) => {
      const [pid, number] = token.split(':').map(Number)
      return [pid ?? 0, number ?? 0]
    })
}

/** The agent lives, and the broker thinks so too. */
function isAlive({ broker }: World, { alive, session, epoch }: SimAgent): boolean {
  const record = broker?.core.sessions.get(session)
  return alive && record?.epoch === epoch && ['idle', 'running'].includes(record.status)
}

function checkReaders({ clients, ledger, violations }: World): void {
  for (const client of clients.values()) {
    for (const { record } of client.readers) {
      const { items, session, from } = record
      const durable = itemsOf(ledger.of(session)).slice(from - 1)
      // Apart from what it was told is gone: that this was true was checked when it was told.
      const isGone = ({ seq }: { seq: number }): boolean =>
        items.some((item) => item.type === 'gap' && item.from <= seq && seq <= item.to)
      const shown = items.filter(({ type }) => type !== 'gap')
      const owed = durable.filter((item) => item.type === 'gap' || !isGone(item))
      violations.check(
        isDeepStrictEqual(shown, owed),
        () =>
          `${record.client} read ${items.length} of ${durable.length} of ${session} from ${from}`,
      )
    }
  }
}

function checkCalls({ clients, violations }: World): void {
  for (const client of clients.values()) {
    const pending = client.pending.map(({ key, method }) => `${method} ${key}`)
    violations.check(
      pending.length === 0,
      () => `${client.life.name} still waits: ${pending.join()}`,
    )
  }
}

/** What was accepted is in its stream and comes to an end there; what was not executed never ran. */
function checkPrompts(world: World): void {
  const { history, violations } = world
  const told = new Map(
    [...world.ledger.streams.keys()].flatMap((session) => [...promptsOf(world, session)]),
  )
  for (const call of history.calls) {
    const { key, method, accepted, result, error } = call
    if (method === 'session.prompt' && (accepted || result)) {
      violations.check(told.has(key), () => `prompt ${key} was accepted and is not in its stream`)
    }
    // A new life of a client does not know what the last one did under this key.
    const isOwnWord = call.isRepeat && error?.where === 'client'
    violations.check(
      error?.executed !== 'no' || !history.runs.has(key) || isOwnWord,
      () =>
        `${method} ${key} ran, and ${error?.code} (${error?.where}) said that it was not executed`,
    )
  }
  for (const [key, isOver] of told) {
    violations.check(isOver, () => `the turn of prompt ${key} never ended`)
  }
}

/** What is asked of a system that has healed is done, and every reader has heard of it. */
function checkProbes({ history, violations }: World, probes: readonly string[]): void {
  for (const { key, result, error } of history.calls.filter(({ key }) => probes.includes(key))) {
    violations.check(result !== undefined, () => `probe ${key} ended with ${error?.message}`)
    violations.check(history.runs.has(key), () => `probe ${key} was never run`)
  }
}

/** Each create had a key and a name of its own: two sessions of one name that ran are two executions. */
function checkNames({ broker, history, violations }: World): void {
  const names = new Set<string>()
  const ran = new Set([...history.runs.values()].flat().map(({ session }) => session))
  for (const { session, name } of broker?.core.sessions.all() ?? []) {
    if (!ran.has(session)) continue // a start that failed may leave its record behind
    violations.check(!names.has(name), () => `session ${name} was created twice`)
    names.add(name)
  }
}

/** Each prompt of a stream, and whether its turn has ended. */
function promptsOf({ ledger }: World, session: string): Map<string, boolean> {
  const keys = new Map<number, string>()
  const told = new Map<string, boolean>()
  for (const item of itemsOf(ledger.of(session))) {
    if (item.type === 'prompt') {
      keys.set(item.turn, item.text)
      told.set(item.text, false)
    } else if (item.type === 'turn_complete') told.set(keys.get(item.turn_number) ?? '', true)
  }
  return told
}

/** Nothing is kept for calls that have ended, connections that are gone and readers that left. */
function checkLeaks({ broker, clients, hosts, violations }: World): void {
  if (!broker) {
    violations.add('there is no broker')
    return
  }
  const { core, connections, held } = broker
  const sessions = (client: { readers: readonly { record: { session: string } }[] }) =>
    new Set(client.readers.map(({ record }) => record.session)).size
  const feeds = [...clients.values()].reduce((sum, client) => sum + sessions(client), 0)
  const expected = {
    connections: clients.size + hosts.size,
    online: hosts.size,
    calls: 0,
    hostCalls: 0,
    tickets: feeds,
    stuck: 0,
  }
  const found = {
    connections: connections.size,
    online: core.hosts.onlineCount(),
    calls: core.calls.inFlight,
    hostCalls: core.hostCalls.inFlight,
    tickets: core.tickets.size,
    stuck: held.stuck,
  }
  violations.check(
    isDeepStrictEqual(found, expected),
    () => `left over: ${JSON.stringify(found)}, expected ${JSON.stringify(expected)}`,
  )
}
