/** The end of a run: everybody comes to rest, readers finish, and the histories are judged. */
import type { StreamItem } from '../../clients/sdk/index.ts'
import type { RawChunk } from '../../clients/sdk/reader.ts'
import { toStreamItem } from '../../clients/sdk/stream-item.ts'
import { checkAudit } from './check-audit.ts'
import { check } from './checker.ts'
import type { Answer, Heads } from './client-options.ts'
import type { Violation } from './history.ts'
import { becomesTrue, within } from './patience.ts'
import type { System } from './system.ts'

const REST_MS = 60_000

export interface Totals {
  chunks: number
  shown: number
  turns: number
  calls: number
  retries: number
}

type Rests = Extract<Answer, { type: 'rests' }>

/**
 * Tells all clients to rest, waits for the open turns, and lets followers come to the end. Resolves with
 * how far the streams went when they were told to.
 */
export async function settle(
  system: System,
  totals: Totals,
): Promise<{ violations: Violation[]; heads: Heads }> {
  const violations: Violation[] = []
  const report = (rule: string, where: string, detail: string) =>
    violations.push({ rule, where, detail })
  const isRest = (answer: Answer): answer is Rests => answer.type === 'rests'
  const clients = [...system.clients.values()]
  const resting = clients.map((client) => system.answer(client, isRest))
  for (const client of clients) system.order(client, { type: 'rest' })
  for (const [index, rest] of resting.entries()) {
    const answer = await within(
      rest.catch(() => undefined),
      REST_MS,
    )
    totals.retries += answer?.retries ?? 0
    if (!answer) report('every request ends', clients[index]?.name ?? '', 'did not come to rest')
  }
  if (!(await becomesTrue(() => areIdle(system), REST_MS))) {
    report('every turn ends', 'broker', 'turns are still open')
  }
  const heads = await headsOf(system)
  for (const client of clients) {
    client.release()
    system.order(client, { type: 'finish', heads })
    const end = await within(client.exited, REST_MS)
    if (end !== '0') report('every reader comes to the end', client.name, `ended with ${end}`)
  }
  return { violations, heads }
}

async function areIdle(system: System): Promise<boolean> {
  const { sessions } = await system.driver.call('session.list', {})
  return sessions.every((session) => session.pending_turns === 0)
}

async function headsOf(system: System): Promise<Heads> {
  const { sessions } = await system.driver.call('session.list', {})
  return Object.fromEntries(sessions.map(({ session, head }) => [session, head]))
}

/** Session by session, because the whole of a long run does not fit into memory. */
export async function judge(system: System, heads: Heads, totals: Totals): Promise<Violation[]> {
  const violations: Violation[] = []
  const calls = system.archive.calls([...system.clients.keys()])
  violations.push(...(await checkAudit(system.driver, [...calls.values()].flat())))
  for (const session of system.allSessions) {
    // A machine that is busy with this may lose and find hosts: that is behind the end of the readers.
    const journal = (await readJournal(system, session)).slice(0, heads[session] ?? 0)
    const { native_session_id } = await system.driver.call('session.get', { session })
    const history = {
      session,
      journal,
      executions: system.archive.executions(native_session_id),
      followers: system.archive.followers(session, system.lives),
      calls: calls.get(session) ?? [],
    }
    totals.chunks += journal.length
    totals.turns += journal.filter(({ type }) => type === 'prompt').length
    totals.calls += history.calls.length
    totals.shown += history.followers.reduce((sum, { items }) => sum + items.length, 0)
    violations.push(...check(history))
  }
  return violations
}

export async function readJournal({ driver }: System, session: string): Promise<StreamItem[]> {
  const items: StreamItem[] = []
  for (let from = 1; ; ) {
    const page = await driver.call('stream.read', { session, from })
    for (const [seq, time, turn, code, body] of page.chunks) {
      items.push(toStreamItem({ seq, time, turn, code, body } as RawChunk))
    }
    for (const gap of page.gaps) items.push({ type: 'gap', ...gap })
    if (page.next > page.head || page.next <= from) return items
    from = page.next
  }
}
