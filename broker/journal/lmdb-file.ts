/**
 * Looks at the data file before LMDB does. LMDB's binding ends the whole process on a file that is not
 * its own, and a file that is shorter than its own account of it is a bus error at the first read:
 * both are turned into coded errors or made harmless here.
 */
import {
  closeSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { ProtocolError } from '../../protocol/errors.ts'

// A meta page of LMDB data format 2, little-endian: page header, then the fields read here.
const MAGIC = 0xbeefc0de
const DATA_VERSION = 2
const AT_MAGIC = 24
const AT_VERSION = 28
const AT_PAGE_SIZE = 48
const AT_LAST_PAGE = 144
const META_BYTES = 176
const PROBE_BYTES = 4096
const PAGE_SIZES = [4096, 8192, 16384, 32768, 65536]

/** The failure of a journal that cannot be opened, by a reason in words or by what was thrown. */
export function cannotOpen(path: string, cause: unknown): ProtocolError {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new ProtocolError('STORAGE_FAILED', { reason: `${path}: ${reason}` }, { cause })
}

const UNWRITABLE: readonly unknown[] = ['EROFS', 'EACCES', 'EPERM']

/** The same where it was to be written; says what to do about a place that is read-only. */
export function cannotWrite(path: string, cause: unknown): ProtocolError {
  if (cause instanceof ProtocolError) return cause
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  const failure = cannotOpen(path, cause)
  if (!UNWRITABLE.includes(code)) return failure
  const todo = 'make it writable for this user, or name another directory with --journal-dir'
  const reason = `${String(failure.details['reason'])}; ${todo}`
  return new ProtocolError('STORAGE_FAILED', { reason }, { cause })
}

interface Meta {
  readonly pageSize: number
  readonly lastPage: number
}

function readMeta(file: number, position: number): Meta | undefined {
  const meta = Buffer.alloc(META_BYTES)
  if (readSync(file, meta, 0, META_BYTES, position) < META_BYTES) return undefined
  if (meta.readUInt32LE(AT_MAGIC) !== MAGIC) return undefined
  if (meta.readUInt32LE(AT_VERSION) !== DATA_VERSION) return undefined
  const pageSize = meta.readUInt32LE(AT_PAGE_SIZE)
  if (!PAGE_SIZES.includes(pageSize)) return undefined
  return { pageSize, lastPage: Number(meta.readBigUInt64LE(AT_LAST_PAGE)) }
}

/** The bytes that a file should have, by its own account; 0 when it is empty. Throws STORAGE_FAILED. */
function accountOf(path: string, file: number): number {
  const stat = fstatSync(file)
  if (!stat.isFile()) throw cannotOpen(path, 'is not a file')
  if (stat.size === 0) return 0
  const first = readMeta(file, 0)
  const second = first && readMeta(file, first.pageSize)
  if (!first || !second) throw cannotOpen(path, 'is not a journal, or its first pages are damaged')
  const needed = (Math.max(first.lastPage, second.lastPage) + 1) * first.pageSize
  if (needed > Number.MAX_SAFE_INTEGER) throw cannotOpen(path, 'its first pages are damaged')
  return needed
}

function checkFile(path: string, file: number): void {
  const needed = accountOf(path, file)
  // Shorter is usual when the last pages are free ones. Were it cut, zeros read as a damaged page,
  // which is an error that can be told, while a read past the end kills the process.
  if (fstatSync(file).size < needed) ftruncateSync(file, needed)
}

/** Whether the file can be given to LMDB; changes nothing. Throws STORAGE_FAILED when it cannot. */
export function inspectFile(path: string): void {
  try {
    withFile(path, 'r', (file) => {
      if (accountOf(path, file) === 0) throw cannotOpen(path, 'is empty')
    })
  } catch (cause) {
    if (cause instanceof ProtocolError) throw cause
    throw cannotOpen(path, cause)
  }
}

function withFile(path: string, flags: string, use: (file: number) => void): void {
  const file = openSync(path, flags, 0o600)
  try {
    use(file)
  } finally {
    closeSync(file)
  }
}

/**
 * Writes a page beside the data file, as far from the start as the file is long, and takes it away again.
 * Throws what the system says when the disk takes no such write.
 */
export function probeWrite(path: string): void {
  const probe = `${path}-probe`
  const end = statSync(path, { throwIfNoEntry: false })?.size ?? 0
  try {
    withFile(probe, 'w', (file) => {
      writeSync(file, Buffer.alloc(PROBE_BYTES), 0, PROBE_BYTES, end)
      fsyncSync(file)
    })
  } finally {
    rmSync(probe, { force: true })
  }
}

/**
 * Makes the directory (mode 0700) and checks the data file if there is one. Throws STORAGE_FAILED when
 * the file is not a journal or the place cannot be written.
 */
export function prepareFile(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
    withFile(path, 'a+', (file) => checkFile(path, file))
    // LMDB syncs the file, and nobody the directory: without its entry a power cut takes the file.
    withFile(dirname(path), 'r', fsyncSync)
  } catch (cause) {
    throw cannotWrite(path, cause)
  }
}
