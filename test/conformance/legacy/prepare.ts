/** Makes true what a case says in words: real tasks, real agents, real events. */
import type { Client } from '../../../clients/sdk/index.ts'
import { isArray, isObject, type Json } from './exact-json.ts'
import { answerJson } from './expectation.ts'
import { sendHttp } from './senders/http.ts'
import { sendReq } from './senders/req-socket.ts'
import { sendUnix } from './senders/unix.ts'
import type { EventWords, Precondition, TaskWords } from './setup-words.ts'
import type { Target } from './stack.ts'
import { atPath } from './values.ts'

/** What the case may now name. */
export interface Prepared {
  readonly values: Map<string, Json>
  /** Literals of the expectation that stand for something which has another name here. */
  readonly aliases: Map<string, Json>
  /** Lets the event of the case happen. */
  readonly happen: () => Promise<void>
}

/** Throws when the target cannot do it. */
export async function prepare(
  target: Target,
  words: readonly Precondition[],
  values: Map<string, Json>,
): Promise<Prepared> {
  const aliases = new Map<string, Json>()
  let happen = async (): Promise<void> => undefined
  for (const word of words) {
    if (word.is === 'tasks') await makeTasks(await target.native(), word.tasks, values)
    if (word.is === 'agent') {
      const id = await spawnAgent(target, word.program)
      if (word.state === 'paused') await unix(target, 'agent.pause', [id, true])
      if (word.state === 'ended') await endAgent(await target.native(), id)
      for (const { name, value } of namesOf(words, id)) values.set(name, value)
    }
    if (word.is === 'chat' && isNamed(words)) {
      const id = await createChat(target)
      for (const { name, value } of namesOf(words, id)) values.set(name, value)
    }
    if (word.is === 'event') {
      const [before, next] = [happen, await arrange(await target.native(), word.event, aliases)]
      happen = async () => {
        await before()
        await next()
      }
    }
  }
  return { values, aliases, happen }
}

function isNamed(words: readonly Precondition[]): boolean {
  return words.some(({ is }) => is === 'id name')
}

async function createChat({ doors }: Target): Promise<string> {
  if (doors.http === undefined) throw new Error('there is no HTTP door to create a chat through')
  const request = { jsonrpc: '2.0', method: 'chat.create', params: { working_dir: '.' }, id: 1 }
  const reply = answerJson(await sendHttp(doors.http, request)) ?? null
  return text(atPath(reply, 'result.session_id') ?? null)
}

/** As somebody ends it who knows nothing of the old daemon. */
async function endAgent(client: Client, session: string): Promise<void> {
  await client.call('session.annotate', { session, metadata: { terminated: true } })
  await client.call('session.kill', { session })
}

async function makeTasks(
  client: Client,
  tasks: readonly TaskWords[],
  values: Map<string, Json>,
): Promise<void> {
  for (const { name, status, assignedTo } of tasks) {
    const { task } = await client.call('task.create', {
      title: `Task ${name}`,
      status,
      ...(assignedTo !== undefined && { assigned_to: assignedTo }),
    })
    values.set(name, task)
  }
}

/** Through a door, as a client of the old daemon does it. */
async function spawnAgent(target: Target, program: string): Promise<string> {
  const { unix: path, rep } = target.doors
  if (path !== undefined)
    return text(await unix(target, 'agent.spawn', ['a', program, { task: '-' }]))
  if (rep === undefined) throw new Error('there is no door to spawn an agent through')
  const config = ['a', program, '-', null, null, {}]
  const reply = await sendReq(rep, { array: ['spawn_request', 'setup', config, null, null] })
  const id = atPath(reply.json ?? null, '3.0.$bin')
  if (typeof id !== 'string') throw new Error(`the agent did not start: ${JSON.stringify(reply)}`)
  return hyphenated(id)
}

async function unix(target: Target, method: string, params: Json): Promise<Json> {
  const path = target.doors.unix
  if (path === undefined) throw new Error('there is no Unix socket')
  const answer = await sendUnix(path, { jsonrpc: '2.0', method, params, id: 1 })
  const result = atPath(answerJson(answer) ?? null, 'result')
  if (result === undefined) throw new Error(`${method} failed: ${answer.body}`)
  return result
}

function text(json: Json): string {
  if (typeof json !== 'string') throw new Error(`this is no id: ${JSON.stringify(json)}`)
  return json
}

function hyphenated(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

function namesOf(
  words: readonly Precondition[],
  id: string,
): { readonly name: string; readonly value: Json }[] {
  return words.flatMap((word) => {
    if (word.is !== 'id name') return []
    const value = word.form === 'bin' ? { $bin: id.replaceAll('-', '') } : id
    return word.names.map((name) => ({ name, value }))
  })
}

/** Whoever the event is about exists before anybody listens; the event itself comes later. */
async function arrange(
  client: Client,
  { kind, event, about }: EventWords,
  aliases: Map<string, Json>,
): Promise<() => Promise<void>> {
  const [name = '', detail = ''] = about
  if (kind === 'AgentEvent') {
    const what = `${event} ${detail}`.trim()
    const start = STARTING.has(what) ? 'on_prompt' : 'now'
    const { session } = await client.call('session.create', { backend: 'demo', start })
    aliases.set(name, session)
    return agentHappening(client, session, what)
  }
  if (kind === 'TaskEvent' && event === 'created') {
    // Nobody knows its id before.
    aliases.set(name, '<uuid>')
    return async () => void (await client.call('task.create', { title: name }))
  }
  if (kind === 'TaskEvent') {
    const { task } = await client.call('task.create', { title: name })
    aliases.set(name, task)
    return taskHappening(client, task, event)
  }
  if (kind === 'WorkflowEvent' && ['started', 'completed'].includes(event)) {
    // One without steps has both behind it at once.
    return async () => void (await client.call('workflow.execute', { name, steps: [] }))
  }
  if (kind === 'StateEvent') return await stateHappening(client, name, event)
  throw new Error(`no way is known to let a ${kind} ${event} happen`)
}

/** What happens to an agent that begins; its first prompt starts it. */
const STARTING = new Set(['started', 'status_changed running'])

function agentHappening(client: Client, session: string, event: string): () => Promise<void> {
  const handle = client.session(session)
  const ways: Readonly<Record<string, () => Promise<unknown>>> = {
    started: () => handle.prompt('@@hang'),
    'status_changed running': () => handle.prompt('@@hang'),
    paused: () => handle.pause(),
    'status_changed paused': () => handle.pause(),
    killed: () => handle.kill(),
    'status_changed terminated': () => handle.kill(),
    completed: () => handle.stop(),
    'status_changed completed': () => handle.stop(),
    failed: () => handle.prompt('@@crash(3)'),
    'status_changed failed': () => handle.prompt('@@crash(3)'),
  }
  return wayOf(ways, event)
}

function taskHappening(client: Client, task: string, event: string): () => Promise<void> {
  const ways: Readonly<Record<string, () => Promise<unknown>>> = {
    progress: () => client.call('task.update', { task, status: 'in_progress' }),
    completed: () => client.call('task.update', { task, status: 'done' }),
    cancelled: () => client.call('task.remove', { task }),
  }
  return wayOf(ways, event)
}

async function stateHappening(
  client: Client,
  key: string,
  event: string,
): Promise<() => Promise<void>> {
  if (event !== 'created') await client.call('state.set', { key, value: 1 })
  const ways: Readonly<Record<string, () => Promise<unknown>>> = {
    created: () => client.call('state.set', { key, value: 2 }),
    updated: () => client.call('state.set', { key, value: 2 }),
    deleted: () => client.call('state.delete', { key }),
  }
  return wayOf(ways, event)
}

function wayOf(
  ways: Readonly<Record<string, () => Promise<unknown>>>,
  event: string,
): () => Promise<void> {
  const way = Object.hasOwn(ways, event) ? ways[event] : undefined
  if (way === undefined) throw new Error(`no way is known to let ${event} happen`)
  return async () => {
    await way()
  }
}

/** The expectation with what stands for something replaced. */
export function withAliases(json: Json, aliases: ReadonlyMap<string, Json>): Json {
  if (typeof json === 'string') return aliases.get(json) ?? json
  if (isArray(json)) return json.map((item) => withAliases(item, aliases))
  if (!isObject(json)) return json
  const members = Object.entries(json)
  return Object.fromEntries(members.map(([name, item]) => [name, withAliases(item, aliases)]))
}
