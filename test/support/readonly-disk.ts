/**
 * A disk that becomes read-only under a broker: a tmpfs in a mount namespace of the test's own, which ends
 * with its process. Linux refuses to make a file system read-only while a file on it is open for writing;
 * a real one does so by itself, after an error. So the broker first gets a limit for the size of its files,
 * which fails its next commit and makes it close the file; and the lock file of LMDB is on another disk.
 */
import { execFileSync } from 'node:child_process'
import { mkdirSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import type { Test } from 'tap'

/** Bytes that any file may have: two pages, which is where the records of a journal begin. */
const LIMIT = 8192

const run = (command: string, ...args: string[]): string => {
  return execFileSync(command, args, { stdio: ['ignore', 'pipe', 'pipe'] }).toString()
}

export class ReadOnlyDisk {
  readonly path: string
  readonly journal: string

  constructor(t: Test, directory: string) {
    this.path = join(directory, 'disk')
    this.journal = join(this.path, 'journal')
    mkdirSync(this.path)
    run('mount', '-t', 'tmpfs', '-o', 'size=256m', 'tmpfs', this.path)
    t.teardown(() => run('umount', '-l', this.path))
    mkdirSync(this.journal, { mode: 0o700 })
    symlinkSync(join(directory, 'lock'), join(this.journal, 'journal.mdb-lock'))
  }

  limit(pid: number): void {
    run('prlimit', `--fsize=${LIMIT}:`, '--pid', String(pid))
  }

  unlimit(pid: number): void {
    run('prlimit', '--fsize=unlimited:', '--pid', String(pid))
  }

  /** False while a file on it is open for writing. */
  isMadeReadOnly(): boolean {
    try {
      run('mount', '-o', 'remount,ro', this.path)
      return true
    } catch {
      return false
    }
  }

  makeWritable(): void {
    run('mount', '-o', 'remount,rw', this.path)
  }
}
