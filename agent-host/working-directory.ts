/** Where a session may work: below one of the allowed roots, after all symbolic links are resolved. */
import { realpathSync, statSync } from 'node:fs'
import { isAbsolute, relative, sep } from 'node:path'
import { ProtocolError } from '../protocol/errors.ts'

/** Returns the real path. Throws INVALID_PARAMS or NOT_ALLOWED. */
export function workingDirectory(
  wanted: string,
  { roots, host }: { readonly roots: readonly string[]; readonly host: string },
): string {
  if (!isAbsolute(wanted)) throw invalid(`/cwd ${wanted} is not an absolute path`)
  const real = resolve(wanted)
  if (real === undefined) throw invalid(`/cwd ${wanted} is no directory on host ${host}`)
  const isInside = roots.some((root) => {
    const realRoot = resolve(root)
    return realRoot !== undefined && contains(realRoot, real)
  })
  if (isInside) return real
  const what = `working in ${real}, which is outside of its roots (${roots.join(', ')}); see --root`
  throw new ProtocolError('NOT_ALLOWED', { host, what }, { where: 'host' })
}

function invalid(reason: string): ProtocolError {
  return new ProtocolError(
    'INVALID_PARAMS',
    { method: 'session.create', reason },
    { where: 'host' },
  )
}

function resolve(path: string): string | undefined {
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
