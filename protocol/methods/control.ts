/** session.*: control of the process behind a session, beyond its turns. */

import type { ErrorCode } from '../errors.ts'
import { oneOf } from '../one-of.ts'
import { type Static, Type } from '../typebox.ts'
import { defineMethod } from './define.ts'
import { PauseModeSchema, processId, SessionInfo, sessionReference } from './types.ts'

const session = sessionReference

/** What may be sent. To stop, freeze or end a session there are methods that keep its books. */
export const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT', 'SIGUSR1', 'SIGUSR2'] as const
export type Signal = (typeof SIGNALS)[number]
export const SignalSchema = oneOf(SIGNALS, 'Signal for the process group of the session')

/** Most that one `session.write` may bring, characters. */
export const MAX_STDIN_LINE = 1_048_576

export const stdinLine = Type.String({
  maxLength: MAX_STDIN_LINE,
  description: 'One line; the newline is added',
})

export const modeName = Type.String({
  minLength: 1,
  maxLength: 256,
  description: 'Permission mode, as the CLI names it',
})

/** Most that a probe carries along, characters. */
const MAX_PROBE_DATA = 4096

export const probeData = Type.String({
  maxLength: MAX_PROBE_DATA,
  description: 'Comes back as it is, to measure the way there with',
})

/** What a host sees of a session at this moment. */
export const probeFields = {
  pid: Type.Union([processId('Process id'), Type.Null()], {
    description: 'Process id; null once it has ended',
  }),
  quiet_ms: Type.Integer({
    minimum: -1,
    description: 'Since the process last wrote something, ms; -1: it has not yet',
  }),
  turn: Type.Integer({ minimum: 0, description: 'The turn that runs; 0 = none' }),
  stdin_bytes: Type.Integer({ minimum: 0, description: 'Given to its stdin and not yet taken' }),
  held_bytes: Type.Integer({
    minimum: 0,
    description: 'Of its chunks that the broker does not have on disk yet',
  }),
  data: probeData,
}
export const ProbeEvidence = Type.Object(probeFields)
export type ProbeEvidence = Static<typeof ProbeEvidence>

const COMMON = ['NO_SUCH_SESSION', 'AMBIGUOUS_SESSION', 'WRONG_STATE', 'HOST_LOST'] as const
const errors = (...own: readonly ErrorCode[]): readonly ErrorCode[] => [...COMMON, ...own]

export const SessionPause = defineMethod('session.pause', {
  description:
    'Pauses a session. Prompts that come meanwhile wait. A frozen one can be resumed or ended.',
  answeredBy: 'broker',
  scope: 'control',
  reach: 'own',
  mutating: true,
  params: Type.Object({ session, mode: Type.Optional(PauseModeSchema) }),
  result: SessionInfo,
  errors: errors('AGENT_GONE'),
})

export const SessionResume = defineMethod('session.resume', {
  description: 'Ends the pause of a session; nothing happens when there is none.',
  answeredBy: 'broker',
  scope: 'control',
  reach: 'own',
  mutating: true,
  params: Type.Object({ session }),
  result: SessionInfo,
  errors: errors('AGENT_GONE'),
})

export const SessionSignal = defineMethod('session.signal', {
  description: 'Sends a signal to the processes of a session.',
  answeredBy: 'broker',
  scope: 'control',
  reach: 'own',
  mutating: true,
  params: Type.Object({ session, signal: SignalSchema }),
  result: SessionInfo,
  errors: errors('AGENT_GONE'),
})

export const SessionWrite = defineMethod('session.write', {
  description:
    'Writes one line to the stdin of a program that reads plain lines; others take prompts.',
  answeredBy: 'broker',
  scope: 'control',
  reach: 'own',
  mutating: true,
  params: Type.Object({ session, line: stdinLine }),
  result: SessionInfo,
  errors: errors('AGENT_GONE', 'NOT_SUPPORTED', 'OVERLOADED'),
})

export const SessionSetMode = defineMethod('session.set_mode', {
  description: 'Changes the permission mode of a live session; a recovery keeps it.',
  answeredBy: 'broker',
  scope: 'control',
  reach: 'own',
  mutating: true,
  params: Type.Object({ session, mode: modeName }),
  result: SessionInfo,
  errors: errors('AGENT_GONE', 'NOT_SUPPORTED', 'MODE_REFUSED'),
})

export const SessionProbe = defineMethod('session.probe', {
  description:
    'Asks the host of a live session, at this moment, what it sees of its process. Changes nothing.',
  answeredBy: 'broker',
  scope: 'read',
  reach: 'own',
  mutating: false,
  params: Type.Object({ session, data: Type.Optional(probeData) }),
  result: Type.Object({
    host: Type.String({ description: 'Name of the host that answered' }),
    ...probeFields,
  }),
  errors: errors('AGENT_GONE', 'OVERLOADED'),
})
