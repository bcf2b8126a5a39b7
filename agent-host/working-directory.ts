/**
 * Where a session may work: below one of the allowed roots, after all symbolic links are resolved. The
 * directory is opened, looked at where it really is, and entered by that very handle, so that nothing that is put
 * in its place meanwhile is entered instead.
 */
import { closeSync, constants, openSync, readlinkSync, realpathSync, statSync } from 'node:fs'
import { homedir } from 'node:os'
import { isAbsolute, relative, sep } from 'node:path'
import { ProtocolError } from '../protocol/errors.ts'

export interface WorkingDirectory {
  /** Its real path. */
  readonly path: string
  /** The path by which a child of this process enters it; good until it is closed. */
  readonly entrance: string
  close(): void
}

/** Opens nothing for reading, so that the right to enter is enough; Linux only, and not in Node's table. */
const O_PATH = 0o10000000
const FLAGS =
  (process.platform === 'linux' ? O_PATH : constants.O_RDONLY) |
  constants.O_DIRECTORY |
  constants.O_NOFOLLOW

/** Where a session works that says nothing: where the host does, or at home if that is nowhere in particular. */
export function usualDirectory(): string {
  const here = process.cwd()
  return here === '/' ? homedir() : here
}

export class Roots {
  readonly #host: string
  /** As they were when the host started: a link that is laid anew later leads nowhere else. */
  readonly #roots: readonly string[]

  /** Throws BAD_CONFIG for one that is no directory. */
  constructor(named: readonly string[], host: string) {
    this.#host = host
    this.#roots = named.map((root) => {
      const real = realDirectory(root)
      if (real !== undefined) return real
      const reason = `root ${root} is no directory`
      throw new ProtocolError('BAD_CONFIG', { source: 'roots', reason }, { where: 'host' })
    })
  }

  /** The caller closes it. Throws INVALID_PARAMS or NOT_ALLOWED. */
  open(wanted: string): WorkingDirectory {
    if (!isAbsolute(wanted)) throw invalid(`/cwd ${wanted} is not an absolute path`)
    const opened = this.#openInside(wanted)
    if (opened !== undefined) return opened
    throw invalid(`/cwd ${wanted} is no directory on host ${this.#host}`)
  }

  #openInside(wanted: string): WorkingDirectory | undefined {
    const real = realDirectory(wanted)
    if (real === undefined) return undefined
    this.#requireInside(real)
    const opened = openDirectory(real)
    if (opened === undefined) return undefined
    try {
      this.#requireInside(opened.path)
      return opened
    } catch (thrown) {
      opened.close()
      throw thrown
    }
  }

  #requireInside(real: string): void {
    if (this.#roots.some((root) => contains(root, real))) return
    const roots = this.#roots.join(', ')
    const what = `working in ${real}, which is outside of its roots (${roots}); see --root`
    throw new ProtocolError('NOT_ALLOWED', { host: this.#host, what }, { where: 'host' })
  }
}

/** Undefined when it is gone, or has become a link, since it was looked at. */
function openDirectory(real: string): WorkingDirectory | undefined {
  let handle: number
  try {
    handle = openSync(real, FLAGS)
  } catch {
    return undefined
  }
  const entrance = `/proc/self/fd/${handle}`
  const close = (): void => closeSync(handle)
  try {
    return { path: readlinkSync(entrance), entrance, close }
  } catch {
    return { path: real, entrance: real, close } // no /proc: its path is all there is
  }
}

function invalid(reason: string): ProtocolError {
  return new ProtocolError(
    'INVALID_PARAMS',
    { method: 'session.create', reason },
    { where: 'host' },
  )
}

function realDirectory(path: string): string | undefined {
  try {
    const real = realpathSync(path)
    return statSync(real).isDirectory() ? real : undefined
  } catch {
    return undefined
  }
}

function contains(root: string, path: string): boolean {
  const way = relative(root, path)
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way)
}
