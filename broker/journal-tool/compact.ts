/**
 * `agentmq journal compact`: puts a copy without free pages in the place of the journal. A kill at any
 * point leaves the old file or the new one; a copy that was left behind is removed by the next owner.
 */
import {
  chmodSync,
  closeSync,
  fsyncSync,
  openSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
} from 'node:fs'
import { ProtocolError } from '../../protocol/errors.ts'
import { filesOf, removeDrafts } from '../journal/files.ts'
import { claim } from '../ownership.ts'
import { deathText, read } from './reading.ts'
import { type Survey, survey } from './survey.ts'
import { size } from './text.ts'

/** What begins; a test kills the process there. */
export type Stage = 'copying' | 'checking' | 'replacing' | 'replaced'

export interface CompactOptions {
  readonly stage?: (stage: Stage) => void
  /** Bytes that the disk has left. */
  readonly freeBytes?: (directory: string) => number
}

export interface Compacted {
  readonly text: string
  readonly json: object
}

/** Bytes beside the copy itself that must be free: its lock file, and some for everybody else. */
const SPARE_BYTES = 16 * 1024 * 1024

/** Throws IN_USE while a broker runs, STORAGE_FULL, and STORAGE_FAILED for a journal with damage. */
export async function compact(directory: string, options: CompactOptions = {}): Promise<Compacted> {
  const { stage = () => {}, freeBytes = freeBytesOf } = options
  const { data, owner } = filesOf(directory)
  const release = claim(owner, `journal ${directory}, which compact needs for itself,`)
  try {
    removeDrafts(directory)
    const before = await sound(data)
    checkRoom(before, freeBytes(directory))
    const beforeBytes = statSync(data).size
    stage('copying')
    await copy(directory)
    stage('checking')
    await checkCopy(before, directory)
    stage('replacing')
    replace(directory)
    stage('replaced')
    const afterBytes = statSync(data).size
    return {
      text: `${data}: ${size(beforeBytes)} before, ${size(afterBytes)} now\n`,
      json: { path: data, before_bytes: beforeBytes, after_bytes: afterBytes },
    }
  } finally {
    removeDrafts(directory)
    release()
  }
}

/** Bytes a process without privileges may still take. */
function freeBytesOf(directory: string): number {
  const disk = statfsSync(directory)
  return disk.bavail * disk.bsize
}

async function sound(path: string): Promise<Survey> {
  const found = await survey(path)
  if (found.damageCount === 0) return found
  const reason = `${path} has damage, and is left as it is`
  throw new ProtocolError('STORAGE_FAILED', { reason })
}

function checkRoom({ file }: Survey, free: number): void {
  const needed = file ? file.usedPages * file.pageSize + SPARE_BYTES : 0
  if (free >= needed) return
  const reason = `${free} bytes are free on the disk, and the copy needs ${needed}`
  throw new ProtocolError('STORAGE_FULL', { reason })
}

async function copy(directory: string): Promise<void> {
  const { data, draft } = filesOf(directory)
  const death = await read({ verb: 'copy', path: data, to: draft }, () => {})
  if (death) throw new ProtocolError('STORAGE_FAILED', { reason: deathText(death) })
  chmodSync(draft, 0o600)
  sync(draft)
}

/** The copy has to hold what the journal holds, before it may take its place. */
async function checkCopy(before: Survey, directory: string): Promise<void> {
  const after = await sound(filesOf(directory).draft)
  const contents = ({ tables, streams, epoch, removedChunks }: Survey): string => {
    const counts = tables.map(({ table, records }) => [table, records])
    return JSON.stringify([counts, streams, epoch, removedChunks])
  }
  if (contents(before) === contents(after)) return
  throw new ProtocolError('STORAGE_FAILED', { reason: 'the compacted copy is not complete' })
}

function replace(directory: string): void {
  const { data, lock, draft } = filesOf(directory)
  // It tells of transactions of the old file, and a reader that still has that file keeps it open.
  rmSync(lock, { force: true })
  renameSync(draft, data)
  sync(directory)
}

function sync(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}
