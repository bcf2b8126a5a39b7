/** The files of a run: where its parts write, and how what they wrote becomes a history. */
import { existsSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { groupBy } from './group-by.ts'
import type {
  AgentLine,
  CallHistory,
  CallLine,
  Execution,
  FollowHistory,
  FollowLine,
} from './history.ts'

export class Archive {
  readonly dir: string

  constructor(dir: string) {
    this.dir = dir
  }

  get agents(): string {
    return join(this.dir, 'agents')
  }

  callsOf(client: string): string {
    return join(this.dir, `calls-${client}.ndjson`)
  }

  follower(session: string, client: string, life: number): string {
    return join(this.dir, `follow-${session}-${client}-${life}.ndjson`)
  }

  executions(session: string): Execution[] {
    const executions: { prompt: string; pieces: string[] }[] = []
    for (const line of readLines<AgentLine>(join(this.agents, `${session}.ndjson`))) {
      if ('prompt' in line) executions.push({ prompt: line.prompt, pieces: [] })
      else executions.at(-1)?.pieces.push(line.text)
    }
    return executions
  }

  /** Calls of all clients, by session. */
  calls(clients: readonly string[]): Map<string, CallHistory[]> {
    const all = clients.flatMap((client) => toCalls(readLines<CallLine>(this.callsOf(client))))
    return groupBy(all, ({ session }) => session)
  }

  /** `lives` has the last life of each client. */
  followers(session: string, lives: ReadonlyMap<string, number>): FollowHistory[] {
    const names = readdirSync(this.dir).filter((name) => name.startsWith(`follow-${session}-`))
    return names.map((name) => {
      const [client = '', life = ''] = name.slice(`follow-${session}-`.length).split(/[-.]/)
      const isFinal = lives.get(client) === Number(life)
      return toFollower(name, readLines<FollowLine>(join(this.dir, name)), isFinal)
    })
  }
}

export function appendLine(file: number, line: CallLine | FollowLine): void {
  writeSync(file, `${JSON.stringify(line)}\n`)
}

/** A line that a kill cut off is left out. */
export function readLines<T>(path: string): T[] {
  if (!existsSync(path)) return []
  const lines = readFileSync(path, 'utf8').split('\n')
  lines.pop()
  return lines.map((line) => JSON.parse(line) as T)
}

export function toCalls(lines: readonly CallLine[]): CallHistory[] {
  const calls = new Map<string, { -readonly [K in keyof CallHistory]: CallHistory[K] }>()
  for (const line of lines) {
    if (line.type === 'life') {
      for (const call of calls.values()) call.isCutOff ||= call.ends === 0
    } else if (line.type === 'call') {
      const fresh = { isAccepted: false, reply: undefined, error: undefined, ends: 0 }
      const { type: _, ...fields } = line
      calls.set(line.call, { ...fields, ...fresh, isCutOff: false })
    } else {
      const call = calls.get(line.call)
      if (!call) throw new Error(`an end without a call: ${line.call}`)
      if (line.type === 'accepted') call.isAccepted = true
      else call.ends += 1
      if (line.type === 'reply') call.reply = line
      if (line.type === 'error') call.error = line
    }
  }
  return [...calls.values()]
}

function toFollower(name: string, lines: readonly FollowLine[], isFinal: boolean): FollowHistory {
  const from = lines.find((line) => line.type === 'from')?.from ?? 1
  const items = lines.flatMap((line) => (line.type === 'item' ? [line.item] : []))
  const isFinished = lines.some(({ type }) => type === 'finished')
  const failure = lines.find((line) => line.type === 'failed')?.code
  return { name, from, items, isFinal: isFinal && lines.length > 0, isFinished, failure }
}
