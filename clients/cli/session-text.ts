/** How sessions are named and counted on a terminal. */
import type { SessionInfo, SessionStatus } from '../../protocol/methods/types.ts'
import type { Globals } from './command.ts'
import type { Style } from './render/style.ts'
import { flagText } from './shell-text.ts'

const SHORT_ID_LENGTH = 8

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/** Enough of an id to find its session or host by; a name stays what it is. */
export function shortId(id: string): string {
  return UUID.test(id) ? id.slice(0, SHORT_ID_LENGTH) : id
}

/** What a user would type to name this session. */
export function handleOf(info: Pick<SessionInfo, 'session' | 'name'>): string {
  return info.name === '' ? shortId(info.session) : info.name
}

export function hasEnded(status: SessionStatus): boolean {
  return status === 'ended' || status === 'failed'
}

export function paintStatus(status: SessionStatus, style: Style): (text: string) => string {
  if (status === 'failed') return style.red
  if (status === 'lost') return style.yellow
  return status === 'running' ? style.green : (text) => text
}

/** The flags of a place, as far as they were given. */
const PLACE_FLAGS = ['context', 'dir', 'endpoint', 'config', 'broker-key', 'key-file'] as const

/** A command line that goes on with this session, with the place flags that were given. */
export function commandFor(verb: string, globals: Readonly<Globals>): string {
  const flags = PLACE_FLAGS.flatMap((name) => {
    const value = globals[name]
    return value === undefined ? [] : [flagText(name, value)]
  })
  const foreign = globals['foreign-socket'] === true ? ['--foreign-socket'] : []
  return ['agentmq', verb, ...flags, ...foreign].join(' ')
}
