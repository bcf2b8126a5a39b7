/** `agentmq journal stats`: what takes room, and how much of it compact would give back. */
import { statSync } from 'node:fs'
import { type Survey, survey } from './survey.ts'
import type { StreamLine } from './survey-lines.ts'
import { journalLine, size, timeText } from './text.ts'

/** Sessions that are named. */
const LARGEST = 10

export async function stats(
  path: string,
): Promise<{ readonly text: string; readonly json: object }> {
  return figures(await survey(path))
}

function times(streams: readonly StreamLine[]) {
  const told = streams.filter(({ firstTime }) => firstTime > 0)
  const first = told.reduce((least, { firstTime }) => Math.min(least, firstTime), Infinity)
  const last = told.reduce((most, { lastTime }) => Math.max(most, lastTime), 0)
  return { first: told.length > 0 ? first : 0, last }
}

function figures(found: Survey): { readonly text: string; readonly json: object } {
  const { file, tables, streams, sessions, damageCount } = found
  const chunks = streams.reduce((sum, stream) => sum + stream.chunks, 0)
  const { first, last } = times(streams)
  const freePages = file ? file.totalPages - file.usedPages : 0
  const reclaimable = Math.max(0, freePages) * (file?.pageSize ?? 0)
  const largest = [...streams].sort((one, other) => other.bytes - one.bytes).slice(0, LARGEST)
  const fileBytes = statSync(found.path).size
  const json = {
    path: found.path,
    version: file?.version ?? null,
    epoch: found.epoch ?? null,
    file_bytes: fileBytes,
    reclaimable_bytes: reclaimable,
    tables: tables.map(({ table, records, bytes }) => ({ table, records, bytes })),
    sessions: sessions.size,
    chunks,
    first_time: first > 0 ? first : null,
    last_time: last > 0 ? last : null,
    largest: largest.map(({ session, chunks: count, bytes }) => ({
      session,
      chunks: count,
      bytes,
    })),
    damage_count: damageCount,
  }
  const text = [
    journalLine(found),
    `file ${size(fileBytes)}, of which compact would give back ${size(reclaimable)}`,
    ...tables.map(({ table, records, bytes }) => `  ${table}: ${records} records, ${size(bytes)}`),
    `${sessions.size} sessions, ${chunks} chunks from ${timeText(first)} to ${timeText(last)}`,
    ...largest.map((one) => `  ${one.session}: ${one.chunks} chunks, ${size(one.bytes)}`),
    ...(damageCount > 0 ? [`${damageCount} damaged; see \`agentmq journal verify\``] : []),
  ]
  return { json, text: `${text.join('\n')}\n` }
}
