/** Preconditions in words, recognised by what they mean. Every clause must be known. */
import type { Json } from './exact-json.ts'

export type Status = 'todo' | 'in_progress' | 'done' | 'blocked'

export interface TaskWords {
  /** The name of its id in the case. */
  readonly name: string
  readonly status: Status
  readonly assignedTo: string | undefined
}

export interface EventWords {
  /** AgentEvent, TaskEvent and so on. */
  readonly kind: string
  /** status_changed and so on. */
  readonly event: string
  /** Who it is about, and what else it says. */
  readonly about: readonly string[]
}

export type AgentState = 'running' | 'paused' | 'ended'

/** One thing that must be so before the case sends. */
export type Precondition =
  | { readonly is: 'tasks'; readonly tasks: readonly TaskWords[] }
  | { readonly is: 'pub port taken' }
  | { readonly is: 'agent'; readonly program: string; readonly state: AgentState }
  | { readonly is: 'id name'; readonly names: readonly string[]; readonly form: 'bin' | 'text' }
  | { readonly is: 'chat'; readonly way: 'create' | 'start' }
  | { readonly is: 'claude exits'; readonly code: number }
  | { readonly is: 'claude killed'; readonly signal: string }
  | { readonly is: 'claude'; readonly installed: boolean }
  | { readonly is: 'event'; readonly event: EventWords }
  | { readonly is: 'nothing' }

type Reader = (clause: string) => readonly Precondition[] | undefined

/** Undefined when there is a clause that means nothing to this runner. */
export function preconditions(text: string): Precondition[] | undefined {
  const clauses = text
    .split(';')
    .map((clause) => clause.trim())
    .filter((clause) => clause !== '')
  const read = clauses.map((clause) => {
    for (const reader of READERS) {
      const found = reader(clause)
      if (found !== undefined) return found
    }
    return undefined
  })
  return read.includes(undefined) ? undefined : read.flatMap((found) => found ?? [])
}

const READERS: readonly Reader[] = [idNames, tasks, pubTaken, event, claude, chat, agent, nothing]

function idNames(clause: string): readonly Precondition[] | undefined {
  if (!/^\$\{\w+\}.*\bids?\b/.test(clause)) return undefined
  const names = [...clause.matchAll(/\$\{(\w+)\}/g)].map(([, name]) => name ?? '')
  return [{ is: 'id name', names, form: /\bbin\b/.test(clause) ? 'bin' : 'text' }]
}

function tasks(clause: string): readonly Precondition[] | undefined {
  if (!/\b(?:store|database|db)\b/i.test(clause)) return undefined
  if (/\b(?:empty|no tasks?)\b/i.test(clause)) return []
  const found = [...clause.matchAll(/\$?\{?(\w+)\}?\s*\(([^)]*)\)/g)].map(([, name, words]) =>
    taskOf(name ?? '', words ?? ''),
  )
  return found.length > 0 && found.every((task) => task !== undefined)
    ? [{ is: 'tasks', tasks: found }]
    : undefined
}

const STATUSES: Readonly<Record<string, Status>> = {
  todo: 'todo',
  inprogress: 'in_progress',
  done: 'done',
  blocked: 'blocked',
}

function taskOf(name: string, words: string): TaskWords | undefined {
  const parts = words.split(',').map((part) => part.trim())
  const plain = (part: string) => part.toLowerCase().replace(/[^a-z]/g, '')
  const status = parts.map((part) => STATUSES[plain(part)]).find((one) => one !== undefined)
  const assigned = parts.map((part) => /^assigned(?: to)? (\S+)$/i.exec(part)?.[1])
  if (status === undefined) return undefined
  return { name, status, assignedTo: assigned.find((one) => one !== undefined) }
}

function pubTaken(clause: string): readonly Precondition[] | undefined {
  const isTaken = /\bPUB\b.*\b(?:taken|busy|in use|occupied|fails)\b/i.test(clause)
  return isTaken ? [{ is: 'pub port taken' }] : undefined
}

function event(clause: string): readonly Precondition[] | undefined {
  if (!/\b(?:publish|emit|send|fire)/i.test(clause)) return undefined
  const found = [...clause.matchAll(/\b(\w+Event)\s+(\w+)\s*\(([^)]*)\)/gi)]
  if (found.length === 0) return undefined
  return found.map(([, kind = '', name = '', about = '']) => {
    const parts = about.split(',').map((part) => part.trim())
    return { is: 'event', event: { kind, event: name, about: parts } }
  })
}

function claude(clause: string): readonly Precondition[] | undefined {
  if (!/\bclaude\b/i.test(clause)) return undefined
  const code = /\b(?:exits?|exit code|status)\b[^\d-]*(-?\d+)/i.exec(clause)?.[1]
  if (code !== undefined) return [{ is: 'claude exits', code: Number(code) }]
  const signal = /\b(SIG[A-Z]+)\b/.exec(clause)?.[1]
  if (signal !== undefined) return [{ is: 'claude killed', signal }]
  if (/\b(?:no|without|lacks|not)\b/i.test(clause)) return [{ is: 'claude', installed: false }]
  return /\bPATH\b|\bprints\b/.test(clause) ? [{ is: 'claude', installed: true }] : undefined
}

function chat(clause: string): readonly Precondition[] | undefined {
  const way = /\bchat\.(create|start)\b/.exec(clause)?.[1]
  if (way === 'create' || way === 'start') return [{ is: 'chat', way }]
  return undefined
}

function agent(clause: string): readonly Precondition[] | undefined {
  if (!/\b(?:spawn|spawned|agent|running)\b/i.test(clause)) return undefined
  if (/\b(?:no|without)\b[^,]*\bagents?\b/i.test(clause)) return []
  const program = /\b([\w.]+-cli)\b/i.exec(clause)?.[1] ?? 'cat-cli'
  return [{ is: 'agent', program, state: stateOf(clause) }]
}

function stateOf(clause: string): AgentState {
  if (/\b(?:kill|stop|end|exit|finish|terminat|complet)(?:p?ed|s|e|es|e?d)?\b/i.test(clause))
    return 'ended'
  return /\bpaused?\b/i.test(clause) ? 'paused' : 'running'
}

function nothing(clause: string): readonly Precondition[] | undefined {
  return /^(?:none|nothing|fresh server|an? fresh server)$/i.test(clause)
    ? [{ is: 'nothing' }]
    : undefined
}

/** Names of programs that a case wants to run: `cat-cli` is the program `cat`. */
export function programsIn(sent: readonly Json[]): string[] {
  const names = JSON.stringify(sent).matchAll(/\b([A-Za-z0-9_][A-Za-z0-9_.]*)-cli\b/g)
  return [...new Set([...names].map(([, name]) => name ?? ''))]
}
