/**
 * When is the system well again? When every session takes a prompt, every client is answered, every host
 * carries out a turn, and every reader has come to where its streams then are.
 */
import { ProtocolError, type SessionInfo } from '../../clients/sdk/index.ts'
import type { Answer, Order } from './client-options.ts'
import { becomesTrue, within } from './patience.ts'
import type { System } from './system.ts'

let probes = 0

/** What is not well after the time; empty when all is. Failed sessions are recovered on the way. */
export async function recover(system: System): Promise<string[]> {
  const withinMs = system.options.recoveryMs
  const untilMs = performance.now() + withinMs
  const trouble = await Promise.all([
    sessionsAreWell(system, withinMs),
    ...[...system.clients.keys()].map((name) => clientIsWell(system, name, withinMs)),
  ])
  const left = Math.max(1, untilMs - performance.now())
  const more = await Promise.all([hostsAnswer(system, left), readersCatchUp(system, left)])
  return [...trouble, ...more].flat()
}

async function sessionsAreWell(system: System, withinMs: number): Promise<string[]> {
  let ill: SessionInfo[] = []
  const recovering = new Set<string>()
  const areWell = async () => {
    const all = await list(system)
    ill = all.filter(({ status }) => status !== 'idle' && status !== 'running')
    for (const { session, status } of ill) {
      if (status === 'failed' || status === 'ended') revive(system, session, recovering)
    }
    return all.length === system.allSessions.length && ill.length === 0
  }
  if (await becomesTrue(areWell, withinMs)) return []
  return ill.map(({ session, status, reason }) => `session ${session} is ${status}: ${reason}`)
}

async function list({ driver, allSessions }: System): Promise<SessionInfo[]> {
  try {
    const all = (await driver.call('session.list', {}, { deadlineMs: 2000 })).sessions
    return all.filter(({ session }) => allSessions.includes(session))
  } catch (thrown) {
    if (ProtocolError.from(thrown, 'client').code === 'INTERNAL') throw thrown
    return []
  }
}

function revive(system: System, session: string, recovering: Set<string>): void {
  if (recovering.has(session)) return
  recovering.add(session)
  void system.driver
    .session(session)
    .recover()
    .catch(() => undefined) // a refusal is tried again
    .finally(() => recovering.delete(session))
}

function clientIsWell(system: System, name: string, withinMs: number): Promise<string[]> {
  return replies(system, name, (id) => ({ type: 'probe', id }), withinMs, 'is not answered')
}

/** Readers hang unnoticed until the end of the run, and may then be saved by a later fault. */
async function readersCatchUp(system: System, withinMs: number): Promise<string[]> {
  const all = await list(system)
  const heads = Object.fromEntries(all.map(({ session, head }) => [session, head]))
  const order = (id: number): Order => ({ type: 'catch up', id, heads })
  const catching = [...system.clients.keys()].map((name) =>
    replies(system, name, order, withinMs, 'has a reader that hangs'),
  )
  return (await Promise.all(catching)).flat()
}

/** Empty when the client reports within the time that it has done what it was told. */
async function replies(
  system: System,
  name: string,
  order: (id: number) => Order,
  withinMs: number,
  otherwise: string,
): Promise<string[]> {
  const client = system.clients.get(name)
  if (!client) return [`client ${name} is not there`]
  probes += 1
  const id = probes
  const isAnswer = (answer: Answer): answer is Extract<Answer, { type: 'done' }> =>
    answer.type === 'done' && answer.id === id
  const done = system.answer(client, isAnswer).then(
    () => true,
    () => false,
  )
  system.order(client, order(id))
  return (await within(done, withinMs)) ? [] : [`client ${name} ${otherwise}`]
}

/** A whole turn on each host, from the prompt to its end in the stream. */
async function hostsAnswer(system: System, withinMs: number): Promise<string[]> {
  const probing = [...system.hosts.keys()].map(async (name) => {
    const answered = probeTurn(system, name).then(
      () => '',
      (thrown: unknown) => `host ${name}: ${String(thrown)}`,
    )
    return (await within(answered, withinMs)) ?? `host ${name} carries out no turn`
  })
  return (await Promise.all(probing)).filter((trouble) => trouble !== '')
}

async function probeTurn(system: System, host: string): Promise<void> {
  const session = system.probes.get(host)
  if (!session) return
  probes += 1
  const text = `@@echo(probe ${probes})`
  for await (const item of system.driver.session(session).run(text)) {
    if (item.type === 'turn_complete') return
  }
  throw new Error('the stream ended within the turn')
}
