/**
 * Reading an agent's output line by line, each line once. How far it has been read is kept with the session, so
 * that several readers share the lines and no restart of the shim repeats one.
 */
import type { SessionInfo } from '../../sdk/index.ts'
import type { RepPorts } from './ports.ts'
import { membersOf } from './stdin-data.ts'
import type { Json } from './wire-types.ts'

export type OutputName = 'stdout' | 'stderr'

/** Lines in one answer of query_output. */
const MAX_LINES = 1000
const DEFAULT_LINES = 100

export async function readLine(
  ports: RepPorts,
  { session }: SessionInfo,
  stream: OutputName,
): Promise<Json> {
  const [line] = await take(ports, session, stream, 1)
  if (line === undefined) {
    return { data: null, text: null, bytes: 0, message: `No ${stream} output available` }
  }
  const bytes = Buffer.from(`${line}\n`)
  return { data: bytes.toString('base64'), text: line, bytes: bytes.length }
}

/** The command query_output: lines that have not been read, from both streams. */
export async function readLines(
  ports: RepPorts,
  { session }: SessionInfo,
  payload: Json | null,
): Promise<Json> {
  const wanted = membersOf(payload)
  const limit = limitOf(wanted['max_lines'])
  const of = (stream: OutputName): Promise<readonly string[]> | readonly string[] =>
    wanted[stream] === false ? [] : take(ports, session, stream, limit)
  const stdout = await of('stdout')
  const stderr = await of('stderr')
  return { stdout, stderr, stdout_lines: stdout.length, stderr_lines: stderr.length }
}

function limitOf(value: Json | undefined): number {
  if (typeof value !== 'number' || !Number.isInteger(value)) return DEFAULT_LINES
  return Math.min(MAX_LINES, Math.max(0, value))
}

function take(
  { client, readers }: RepPorts,
  session: string,
  stream: OutputName,
  limit: number,
): Promise<readonly string[]> {
  return readers.run(session, async () => {
    if (limit === 0) return []
    const { metadata } = await client.call('session.get', { session })
    const cursor = cursorOf(metadata['read'], stream)
    const found = await nextLines(client, { session, streams: [stream], limit, cursor })
    if (found.lines.length === 0) return []
    const read = { [stream]: found.cursor }
    await client.call('session.annotate', { session, metadata: { read } })
    return found.lines
  })
}

function cursorOf(read: unknown, stream: OutputName): string {
  const cursor = (read as Readonly<Record<string, unknown>> | undefined)?.[stream]
  return typeof cursor === 'string' ? cursor : '1'
}

type Client = RepPorts['client']

interface Wanted {
  readonly session: string
  readonly streams: [OutputName]
  readonly limit: number
  readonly cursor: string
}

/** Looks on until there is a line or the end: one call searches a bounded stretch. */
async function nextLines(client: Client, wanted: Wanted) {
  let { cursor } = wanted
  for (;;) {
    const answer = await client.call('output.query', { ...wanted, cursor })
    cursor = answer.cursor
    if (answer.lines.length > 0 || answer.done) {
      return { lines: answer.lines.map(({ text }) => text), cursor }
    }
  }
}
