/** A shim that is in nobody's way. */
import { join } from 'node:path'

/** Settings with which the shim takes no port and no path that somebody else may want. */
export function ownDoors(dir: string): Readonly<Record<string, string>> {
  const doors = ['HTTP', 'WS', 'PUB', 'REP', 'METRICS']
  return {
    ...Object.fromEntries(doors.map((door) => [`AGENTMQ_${door}_PORT`, '0'])),
    AGENTMQ_UNIX_PATH: join(dir, 'daemon.sock'),
    AGENTMQ_ATTACH_DIR: dir,
  }
}
