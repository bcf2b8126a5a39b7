/**
 * Whose a place on this machine is. Whoever can open the socket of a broker has every right, and whoever
 * can put another one in its place hears everything: so such places belong to one user alone. Does not open sockets.
 */
import { chmodSync, lstatSync, mkdirSync, type Stats } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { type AccessSettings, ipcPath } from '../endpoints.ts'
import { ProtocolError } from '../errors.ts'

/** Root can do everything anyway, so what belongs to it is as good as one's own. */
const ROOT = 0
const OTHERS = 0o077
const ANYBODY_WRITES = 0o002
const STICKY = 0o1000

type Facts = Pick<Stats, 'uid' | 'mode' | 'isDirectory' | 'isSymbolicLink'>

/** This user; undefined where users have no numbers. */
const self = (): number | undefined => process.geteuid?.()

/**
 * A directory that agentmq chose: made when it is missing, and closed to others when they could enter it. True
 * when it had to be closed. Throws BAD_CONFIG when it is not this user's.
 */
export function closedDirectory(path: string): boolean {
  const facts = madeDirectory(path)
  refuse(path, notOwnDirectory(facts, self()))
  if ((facts.mode & OTHERS) === 0) return false
  chmodSync(path, 0o700)
  return true
}

/** A directory that somebody named: made when it is missing, refused when others could enter it. Throws BAD_CONFIG. */
export function privateDirectory(path: string): void {
  const facts = madeDirectory(path)
  refuse(path, notOwnDirectory(facts, self()) ?? openToOthers(path, facts))
}

/** A directory for files, if it is there: no other user may have made it or write there. Throws BAD_CONFIG. */
export function trustedDirectory(path: string): void {
  const facts = factsOf(path)
  if (!facts) return
  refuse(path, foreign(facts, self()) ?? writtenByAnybody(facts))
}

/** What a peer asks before it believes a broker; nothing where it was told not to, or where there is no file. */
export function distrustOf(
  endpoint: string,
  { foreign_socket }: Pick<AccessSettings, 'foreign_socket'>,
): (() => ProtocolError | undefined) | undefined {
  const path = foreign_socket === true ? undefined : ipcPath(endpoint)
  return path === undefined ? undefined : () => distrustOfSocket(path)
}

/**
 * Why the socket at this path may be another's than it seems; undefined = this user or root made it, or nobody
 * has yet.
 */
function distrustOfSocket(path: string): ProtocolError | undefined {
  const place = resolve(path)
  const directory = dirname(place)
  for (const one of [directory, place]) {
    const facts = factsOf(one)
    const reason = facts && foreign(facts, self())
    if (reason === undefined) continue
    const what = `${reason}, so whoever listens there may be anybody; say --foreign-socket if you mean it`
    return new ProtocolError('BAD_CONFIG', { source: one, reason: what }, { where: 'client' })
  }
  return undefined
}

/** What speaks against a directory of one's own. */
export function notOwnDirectory(facts: Facts, user: number | undefined): string | undefined {
  if (facts.isSymbolicLink()) return 'is a symbolic link; name the directory that it leads to'
  if (!facts.isDirectory()) return 'is no directory'
  if (user === undefined || facts.uid === user) return undefined
  return `belongs to user ${facts.uid}, and this is user ${user}; choose another place with --dir`
}

function openToOthers(path: string, { mode }: Facts): string | undefined {
  if ((mode & OTHERS) === 0) return undefined
  return `others may enter it (mode ${octal(mode)}), and whoever opens a socket there has every right; say chmod 700 ${path}, or choose another directory`
}

function writtenByAnybody({ mode }: Facts): string | undefined {
  if ((mode & ANYBODY_WRITES) === 0 || (mode & STICKY) !== 0) return undefined
  return `anybody may write there (mode ${octal(mode)}); say chmod o-w, or choose another place with --dir`
}

/** What speaks against something that another user may have made. */
export function foreign({ uid }: Facts, user: number | undefined): string | undefined {
  if (user === undefined || uid === user || uid === ROOT) return undefined
  return `belongs to user ${uid}, and this is user ${user}`
}

function madeDirectory(path: string): Facts {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    return lstatSync(path)
  } catch (cause) {
    throw cannot(path, 'be made', cause)
  }
}

/** Undefined when nothing is there. Throws BAD_CONFIG when that cannot be seen. */
function factsOf(path: string): Facts | undefined {
  try {
    return lstatSync(path)
  } catch (cause) {
    if (codeOf(cause) === 'ENOENT') return undefined
    throw cannot(path, 'be looked at', cause)
  }
}

function refuse(path: string, reason: string | undefined): void {
  if (reason !== undefined) throw new ProtocolError('BAD_CONFIG', { source: path, reason })
}

function cannot(path: string, what: string, cause: unknown): ProtocolError {
  const reason = `cannot ${what} (${String(codeOf(cause))})`
  return new ProtocolError('BAD_CONFIG', { source: path, reason }, { cause })
}

function octal(mode: number): string {
  return (mode & 0o7777).toString(8)
}

function codeOf(thrown: unknown): unknown {
  return thrown instanceof Error && 'code' in thrown ? thrown.code : undefined
}
