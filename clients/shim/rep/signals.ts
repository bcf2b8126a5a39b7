/** The names that the old protocol has for signals. Those that freeze or end an agent keep the books of it. */

import type { Signal } from '../../../protocol/methods/control.ts'
import type { SessionInfo } from '../../sdk/index.ts'
import { CommandFailed } from './command-failed.ts'
import { endAgent } from './end-agent.ts'
import type { RepPorts } from './ports.ts'
import { membersOf } from './stdin-data.ts'
import { type Json, quote } from './wire-types.ts'

type Deed = Signal | 'kill' | 'freeze' | 'resume'

const NAMES: ReadonlyMap<string, Deed> = new Map<string, Deed>([
  ['interrupt', 'SIGINT'],
  ['int', 'SIGINT'],
  ['terminate', 'SIGTERM'],
  ['term', 'SIGTERM'],
  ['hup', 'SIGHUP'],
  ['quit', 'SIGQUIT'],
  ['usr1', 'SIGUSR1'],
  ['usr2', 'SIGUSR2'],
  ['kill', 'kill'],
  ['stop', 'freeze'],
  ['pause', 'freeze'],
  ['force_pause', 'freeze'],
  ['continue', 'resume'],
  ['cont', 'resume'],
  ['resume', 'resume'],
])

export async function sendSignal(
  { client, wall }: RepPorts,
  { session }: SessionInfo,
  payload: Json | null,
): Promise<Json> {
  const name = typeof payload === 'string' ? payload : membersOf(payload)['signal']
  if (typeof name !== 'string') throw new CommandFailed('signal needs {"signal": name}')
  const deed = NAMES.get(name.toLowerCase().replace(/^sig/, ''))
  switch (deed) {
    case undefined:
      throw new CommandFailed(
        `Unknown signal: ${quote(name)}; known: ${[...NAMES.keys()].join(', ')}`,
      )
    case 'kill':
      await endAgent(client, session, 'session.kill')
      break
    case 'freeze':
      await client.call('session.pause', { session, mode: 'freeze' })
      await client.call('session.annotate', { session, metadata: { paused_at: wall() } })
      break
    case 'resume':
      await client.call('session.resume', { session })
      break
    default:
      await client.call('session.signal', { session, signal: deed })
  }
  return { signal_sent: name }
}
