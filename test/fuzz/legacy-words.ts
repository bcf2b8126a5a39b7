/** What clients of the old daemon send, to begin from: the cases of the conformance suite. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isRecord } from './mutate-value.ts'
import type { Random } from './random.ts'

const FILE = fileURLToPath(new URL('../../../test/fixtures/legacy/vectors.jsonl', import.meta.url))

export interface LegacyWords {
  /** Bodies of HTTP. */
  readonly http: readonly string[]
  /** Lines of the Unix socket. */
  readonly unix: readonly string[]
  /** Messages of event clients. */
  readonly events: readonly string[]
  /** Requests of the MessagePack protocol: values to be encoded, or bytes. */
  readonly rep: readonly unknown[]
}

export function legacyWords(): LegacyWords {
  const http: string[] = []
  const unix: string[] = []
  const events: string[] = []
  const rep: unknown[] = []
  for (const line of readFileSync(FILE, 'utf8').split('\n')) {
    if (line === '') continue
    const { transport, send } = JSON.parse(line) as Readonly<Record<string, unknown>>
    if (transport === 'zmq-req') rep.push(requestOf(send))
    else if (transport === 'ws') events.push(textOf(send))
    else if (transport === 'http') http.push(textOf(bodyOf(send)))
    else if (transport === 'unix') unix.push(textOf(send))
  }
  return { http, unix, events, rep }
}

function bodyOf(send: unknown): unknown {
  if (!isRecord(send) || !isRecord(send['http'])) return send
  return send['http']['body'] ?? ''
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? '')
}

function requestOf(send: unknown): unknown {
  if (!isRecord(send)) return send
  const { hex, array, map } = send
  return typeof hex === 'string' ? Buffer.from(hex, 'hex') : (array ?? map ?? null)
}

const REFERENCE = /\$\{[A-Za-z_]\w*\}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g

/** The text with references to what exists in most places where it refers to something. */
export function about(ids: readonly string[], text: string, random: Random): string {
  return text.replaceAll(REFERENCE, (found) => {
    return found.startsWith('$') || random.chance(0.85) ? random.pick(ids) : found
  })
}
