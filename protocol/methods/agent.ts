/** agent.*: what the broker asks of a host. No client can call these. */

import { APPROVAL_DECISIONS } from '../messages/chunk.ts'
import { oneOf } from '../one-of.ts'
import { Type } from '../typebox.ts'
import { modeName, ProbeEvidence, probeData, SignalSchema, stdinLine } from './control.ts'
import { defineMethod } from './define.ts'
import { startFields, WhenBusySchema } from './session.ts'
import { PauseModeSchema, processId } from './types.ts'

const lease = {
  session: Type.String({ minLength: 1, maxLength: 128, description: 'Session id' }),
  epoch: Type.Integer({ minimum: 1, description: 'Lease epoch' }),
}

export const AgentStart = defineMethod('agent.start', {
  description: 'Starts a process for a session and replies when it can take a prompt.',
  answeredBy: 'host',
  scope: 'host',
  mutating: true,
  params: Type.Object({
    ...lease,
    ...startFields,
    native_session_id: Type.String({
      maxLength: 128,
      description: 'Id under which the CLI keeps the conversation',
    }),
    resume: Type.Boolean({ description: 'Go on with the conversation of native_session_id' }),
    turn: Type.Integer({ minimum: 0, description: 'Highest turn given out so far' }),
  }),
  result: Type.Object({
    pid: processId('Process id'),
    native_session_id: Type.String({
      maxLength: 128,
      description: 'The id that the CLI really uses',
    }),
    cwd: Type.String({ maxLength: 4096, description: 'Working directory in use' }),
  }),
  errors: ['START_FAILED', 'NOT_ALLOWED', 'NO_BACKEND', 'AT_CAPACITY'],
})

export const AgentPrompt = defineMethod('agent.prompt', {
  description: 'Gives a turn to the process; a turn that was given before is not given twice.',
  answeredBy: 'host',
  scope: 'host',
  mutating: true,
  params: Type.Object({
    ...lease,
    turn: Type.Integer({ minimum: 1, description: 'Number of the turn' }),
    text: Type.String({ minLength: 1, description: 'What to ask' }),
    when_busy: WhenBusySchema,
  }),
  result: Type.Object({}),
  errors: ['AGENT_GONE', 'FENCED'],
})

export const AgentInterrupt = defineMethod('agent.interrupt', {
  description: 'Ends the running turn.',
  answeredBy: 'host',
  scope: 'host',
  mutating: true,
  params: Type.Object(lease),
  result: Type.Object({
    interrupted: Type.Boolean({ description: 'Whether a turn was running' }),
    turn: Type.Integer({ minimum: 0, description: 'The turn that was told to end; 0 = none' }),
  }),
  errors: ['AGENT_GONE', 'FENCED'],
})

export const AgentAnswer = defineMethod('agent.answer', {
  description:
    'Gives the CLI the answer to a question; one that was given before is not given twice, and is applied.',
  answeredBy: 'host',
  scope: 'host',
  mutating: true,
  params: Type.Object({
    ...lease,
    approval: Type.String({ minLength: 1, maxLength: 128, description: 'Id of the question' }),
    decision: oneOf(APPROVAL_DECISIONS, 'What was decided'),
    message: Type.Optional(Type.String({ description: 'With deny: what the agent is told' })),
    interrupt: Type.Optional(Type.Boolean({ description: 'With deny: the turn ends as well' })),
  }),
  result: Type.Object({
    applied: Type.Boolean({
      description: 'The CLI has it; false: it does not wait for this answer (any more)',
    }),
  }),
  errors: ['AGENT_GONE', 'FENCED'],
})

export const AgentPause = defineMethod('agent.pause', {
  description: 'Pauses the session, or changes how it is paused; nothing when it is so already.',
  answeredBy: 'host',
  scope: 'host',
  mutating: true,
  params: Type.Object({ ...lease, mode: PauseModeSchema }),
  result: Type.Object({}),
  errors: ['AGENT_GONE', 'FENCED'],
})

export const AgentResume = defineMethod('agent.resume', {
  description: 'Ends a pause; nothing when there is none.',
  answeredBy: 'host',
  scope: 'host',
  mutating: true,
  params: Type.Object(lease),
  result: Type.Object({}),
  errors: ['AGENT_GONE', 'FENCED'],
})

export const AgentSignal = defineMethod('agent.signal', {
  description: 'Sends a signal to the process group of the session.',
  answeredBy: 'host',
  scope: 'host',
  mutating: true,
  params: Type.Object({ ...lease, signal: SignalSchema }),
  result: Type.Object({}),
  errors: ['AGENT_GONE', 'FENCED'],
})

export const AgentWrite = defineMethod('agent.write', {
  description: 'Writes to the stdin of the process.',
  answeredBy: 'host',
  scope: 'host',
  mutating: true,
  params: Type.Object({ ...lease, line: stdinLine }),
  result: Type.Object({}),
  errors: ['AGENT_GONE', 'FENCED', 'NOT_SUPPORTED', 'OVERLOADED'],
})

export const AgentSetMode = defineMethod('agent.set_mode', {
  description: 'Changes the permission mode; replies when the CLI has agreed.',
  answeredBy: 'host',
  scope: 'host',
  mutating: true,
  params: Type.Object({ ...lease, mode: modeName }),
  result: Type.Object({}),
  errors: ['AGENT_GONE', 'FENCED', 'NOT_SUPPORTED', 'MODE_REFUSED'],
})

export const AgentProbe = defineMethod('agent.probe', {
  description: 'Tells what the host sees of a session at this moment.',
  answeredBy: 'host',
  scope: 'host',
  mutating: false,
  params: Type.Object({ ...lease, data: probeData }),
  result: ProbeEvidence,
  errors: ['AGENT_GONE', 'FENCED'],
})

const EndResult = Type.Object({
  exit_code: Type.Union([Type.Integer(), Type.Null()], {
    description: 'True exit code; null when a signal ended it',
  }),
  signal: Type.String({
    maxLength: 32,
    description: 'Signal that ended the process; may be empty',
  }),
})

export const AgentStop = defineMethod('agent.stop', {
  description: 'Ends the process step by step; replies when it is gone.',
  answeredBy: 'host',
  scope: 'host',
  mutating: true,
  params: Type.Object(lease),
  result: EndResult,
  errors: ['FENCED'],
})

export const AgentKill = defineMethod('agent.kill', {
  description: 'Ends the process and its descendants at once; replies when they are gone.',
  answeredBy: 'host',
  scope: 'host',
  mutating: true,
  params: Type.Object(lease),
  result: EndResult,
  errors: ['FENCED'],
})
