/**
 * Writes the chunks of a journal to stdout, a line of JSON each, session by session. Reads a page at a
 * time and waits for the reader of stdout, each page from a snapshot of its own: memory stays bounded,
 * and the broker beside it may use freed pages again.
 */
import { once } from 'node:events'
import { jsonLine } from '../../protocol/json-line.ts'
import { decodeChunk, inReadingOrder } from '../../protocol/messages/chunk-decoding.ts'
import { type SessionRecord, Sessions } from '../core/sessions.ts'
import { EVERYTHING } from '../core/sight.ts'
import type { Gap, StoredChunk } from '../journal/journal.ts'
import {
  behindSession,
  chunkKey,
  MAX_SEQUENCE,
  parseChunkKey,
  sequenceOf,
} from '../journal/keys.ts'
import { collect, type StoredRecord } from '../journal/range.ts'
import { decodeSmall, decodeChunk as decodeStored } from '../journal/record.ts'
import { type Bounds, WHOLE } from '../journal/streams.ts'
import { boundsOf } from './chunk-survey.ts'
import type { ExportJob } from './jobs.ts'
import type { JournalFile } from './journal-file.ts'
import type { Tell } from './survey-table.ts'

/** Chunks, and bytes of their bodies, that are read before they are written. */
const PAGE = { maxCount: 256, maxBytes: 1024 * 1024 }

export interface Stream extends Bounds {
  readonly session: string
}

export async function exportChunks(file: JournalFile, job: ExportJob, tell: Tell): Promise<void> {
  tell({ kind: 'at', table: 'sessions', key: '' })
  const live = boundsOf(file)
  const only = job.session === undefined ? undefined : sessionOf(file, job.session)
  let session = only ?? next(file, job.after)
  while (session !== undefined) {
    await exportStream(file, { session, ...(live.get(session) ?? WHOLE) }, job, tell)
    session = only === undefined ? next(file, session) : undefined
  }
}

/** The first session with chunks behind this one. */
function next(file: JournalFile, session: string | undefined): string | undefined {
  const start = session === undefined ? undefined : behindSession(session)
  for (const { key } of file.entries('chunks', start)) {
    const place = parseChunkKey(key)
    if (place) return place.session
  }
  return undefined
}

/** As the broker resolves a reference. A session whose record is damaged still answers to its whole id. */
function sessionOf(file: JournalFile, reference: string): string {
  if (hasChunks(file, reference)) return reference
  const sessions = new Sessions(() => false)
  for (const { key, value } of file.entries('sessions')) {
    const record = decodeSmall('sessions', key.toString('utf8'), value)?.value
    if (record !== undefined) sessions.add(record as SessionRecord)
  }
  return sessions.resolve(reference, EVERYTHING).session
}

function hasChunks(file: JournalFile, session: string): boolean {
  for (const { key } of file.entries('chunks', chunkKey(session, 0, 0), behindSession(session))) {
    return parseChunkKey(key)?.session === session
  }
  return false
}

async function exportStream(
  file: JournalFile,
  stream: Stream,
  { since, until }: ExportJob,
  tell: Tell,
): Promise<void> {
  let from = since
  for (;;) {
    tell({ kind: 'at', table: 'chunks', key: `${stream.session} ${from}` })
    const source = sourceOf(file, stream)
    const { chunks, gaps, next: following } = collect(source, { from, to: until, ...PAGE })
    if (following === from) return
    await write(lines(stream.session, chunks, gaps))
    from = following
  }
}

export function sourceOf(file: JournalFile, { session, generation, floor }: Stream) {
  const [start, end] = [
    chunkKey(session, generation, floor),
    chunkKey(session, generation, MAX_SEQUENCE),
  ]
  const last = file.last('chunks', start, end)
  const head = last ? sequenceOf(last.key) : 0
  return {
    head,
    first: () => {
      for (const { key } of file.entries('chunks', start, end)) return sequenceOf(key)
      return head + 1
    },
    *records(from: number, to: number): Generator<StoredRecord> {
      const range = [
        chunkKey(session, generation, Math.max(from, floor)),
        chunkKey(session, generation, to + 1),
      ] as const
      for (const { key, value } of file.entries('chunks', ...range)) {
        const sequence = sequenceOf(key)
        yield { sequence, chunk: decodeStored(session, sequence, value) }
      }
    },
  }
}

/** Chunks and gaps in the order of their sequences. */
function lines(session: string, chunks: readonly StoredChunk[], gaps: readonly Gap[]): string {
  const told = [
    ...gaps.map((gap) => ({ at: gap.from, line: { session, gap } })),
    ...chunks.map((chunk) => ({ at: chunk.sequence, line: { session, ...shown(chunk) } })),
  ]
  told.sort((one, other) => one.at - other.at)
  return told.map(({ line }) => jsonLine(line)).join('')
}

function shown({ sequence: seq, time, turn, type: code, body }: StoredChunk): object {
  return inReadingOrder(decodeChunk({ seq, time, turn, code, body }))
}

process.stdout.on('error', () => process.exit(0)) // its reader has gone, and wants no more

async function write(text: string): Promise<void> {
  if (!process.stdout.write(text)) await once(process.stdout, 'drain')
  else await new Promise(setImmediate) // ends the snapshot
}
