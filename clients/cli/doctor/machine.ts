/** Checks of this machine: Node.js, ZeroMQ, open files, directories and the disk under them. */
import { readFile, stat, statfs } from 'node:fs/promises'
import type { Places } from '../../../protocol/endpoints.ts'
import { type Finding, ok, problem, warning } from './finding.ts'

const MIN_NODE = [20, 19] as const
/** A broker with a few hundred readers has as many descriptors. */
const FEW_FILES = 1024
const MIB = 1024 * 1024
/** What the journal leaves free (`min_free`); below it new work is refused. */
const RESERVE_BYTES = 64 * MIB
const LOW_DISK_BYTES = 1024 * MIB

export async function checkMachine(places: Places): Promise<Finding[]> {
  return [
    checkNode(process.versions.node),
    await checkZeromq(),
    ...(await checkOpenFiles()),
    ...(await checkDirectory('sockets', places.runtimeDir)),
    ...(await checkDisk(places.stateDir)),
  ]
}

function checkNode(version: string): Finding {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const isEnough = major > MIN_NODE[0] || (major === MIN_NODE[0] && minor >= MIN_NODE[1])
  const check = 'Node.js'
  if (isEnough) return ok(check, version)
  return problem(check, version, `install ${MIN_NODE.join('.')} or newer`)
}

/** The native module of ZeroMQ is the one part that may not fit a platform. */
async function checkZeromq(): Promise<Finding> {
  const check = 'ZeroMQ'
  try {
    const { zeromqVersion } = await import('../../sdk/sockets.ts')
    const { libzmq, hasCurve } = zeromqVersion()
    if (hasCurve) return ok(check, `libzmq ${libzmq}`)
    const found = `libzmq ${libzmq} without CURVE`
    return warning(check, found, 'install zeromq anew: other machines cannot be reached without')
  } catch (thrown) {
    const found = `the native module does not load: ${String(thrown).slice(0, 200)}`
    return problem(check, found, 'run npm ci on this machine, for this version of Node.js')
  }
}

async function checkOpenFiles(): Promise<Finding[]> {
  const text = await readFile('/proc/self/limits', 'utf8').catch(() => '')
  const limit = /^Max open files\s+(\d+)/m.exec(text)?.[1]
  if (limit === undefined) return [] // not Linux
  if (Number(limit) >= FEW_FILES) return [ok('open files', `${limit} allowed`)]
  const advice = `raise it (ulimit -n) before starting a broker for many clients`
  return [warning('open files', `only ${limit} allowed`, advice)]
}

/** Whoever can write to the directory of the sockets can listen in the place of the broker. */
async function checkDirectory(check: string, path: string): Promise<Finding[]> {
  const found = await stat(path).catch(() => undefined)
  if (!found) return [] // the next check says that no broker was started here
  const mode = (found.mode & 0o777).toString(8)
  const own = process.getuid?.()
  if (own !== undefined && found.uid !== own) {
    const advice = 'use another directory (--dir), or ask whoever owns it'
    return [problem(check, `${path} belongs to user ${found.uid}, not to ${own}`, advice)]
  }
  if ((found.mode & 0o022) !== 0) {
    return [problem(check, `others may write to ${path} (mode ${mode})`, `chmod 700 ${path}`)]
  }
  if ((found.mode & 0o077) !== 0) {
    return [warning(check, `others may look into ${path} (mode ${mode})`, `chmod 700 ${path}`)]
  }
  return [ok(check, `${path} is private`)]
}

async function checkDisk(path: string): Promise<Finding[]> {
  const disk = await statfs(path).catch(() => undefined)
  if (!disk) return []
  const free = disk.bavail * disk.bsize
  const found = `${Math.floor(free / MIB)} MiB free under ${path}`
  if (free < RESERVE_BYTES) {
    return [problem('disk', `${found}: new work is refused`, 'free some space; it heals by itself')]
  }
  if (free < LOW_DISK_BYTES) return [warning('disk', found, 'free some space soon')]
  return [ok('disk', found)]
}
