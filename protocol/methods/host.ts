/** host.*: what the broker knows of hosts, and what hosts tell it. */
import { type Static, Type } from '../typebox.ts'
import { defineMethod } from './define.ts'
import {
  BackendInfo,
  HostInfo,
  MAX_HOST_SESSIONS,
  PauseModeSchema,
  processId,
  usageFields,
} from './types.ts'

const host = Type.String({ minLength: 1, maxLength: 128, description: 'Host id or name' })

export const HostList = defineMethod('host.list', {
  description: 'All hosts that have registered since the broker started.',
  answeredBy: 'broker',
  scope: 'read',
  reach: 'own',
  mutating: false,
  params: Type.Object({}),
  result: Type.Object({ hosts: Type.Array(HostInfo) }),
  errors: [],
})

export const HostGet = defineMethod('host.get', {
  description: 'One host.',
  answeredBy: 'broker',
  scope: 'read',
  reach: 'own',
  mutating: false,
  params: Type.Object({ host }),
  result: HostInfo,
  errors: ['NO_SUCH_HOST'],
})

export const HostDrain = defineMethod('host.drain', {
  description:
    'From now on the host gets no new session; those that it has go on. It stays so until host.undrain.',
  answeredBy: 'broker',
  scope: 'control',
  mutating: true,
  params: Type.Object({ host }),
  result: HostInfo,
  errors: ['NO_SUCH_HOST'],
})

export const HostUndrain = defineMethod('host.undrain', {
  description: 'The host may get new sessions again.',
  answeredBy: 'broker',
  scope: 'control',
  mutating: true,
  params: Type.Object({ host }),
  result: HostInfo,
  errors: ['NO_SUCH_HOST'],
})

/** A session that lives on a host, as the host reports it after each WELCOME. */
export const LiveSession = Type.Object(
  {
    session: Type.String({ maxLength: 128, description: 'Session id' }),
    epoch: Type.Integer({ minimum: 1, description: 'Lease epoch' }),
    produced: Type.Integer({ minimum: 0, description: 'Highest producer sequence given out' }),
    turn: Type.Integer({ minimum: 0, description: 'Highest turn taken' }),
    pid: Type.Union([processId('Process id'), Type.Null()], {
      description: 'Process id; null once it has ended',
    }),
    paused: Type.Optional(
      Type.Union([PauseModeSchema, Type.Literal('')], {
        description: 'How it is paused; empty when it is not',
      }),
    ),
  },
  { description: 'A session that lives on a host, as the host reports it' },
)
export type LiveSession = Static<typeof LiveSession>

export const HostUsage = defineMethod('host.usage', {
  description: 'Tells what the sessions of this host use; sent by the host every few seconds.',
  answeredBy: 'broker',
  scope: 'host',
  mutating: false,
  params: Type.Object({
    sessions: Type.Array(
      Type.Object({
        session: Type.String({ maxLength: 128, description: 'Session id' }),
        epoch: Type.Integer({ minimum: 1, description: 'Lease epoch' }),
        ...usageFields,
      }),
      { maxItems: MAX_HOST_SESSIONS, description: 'Those that live on it; others are forgotten' },
    ),
  }),
  result: Type.Object({}),
  errors: ['NO_SUCH_HOST'],
})

export const HostRegister = defineMethod('host.register', {
  description: 'Makes the connection a host; sent by the host after each WELCOME.',
  answeredBy: 'broker',
  scope: 'host',
  mutating: false,
  params: Type.Object({
    host: Type.String({
      pattern: '^[!-~]{1,128}$', // printable ASCII: it is part of a key of the journal
      description: 'Host id; it belongs to the principal that registers it first',
    }),
    name: Type.String({ minLength: 1, maxLength: 128, description: 'Name for people' }),
    labels: Type.Array(Type.String({ maxLength: 128 }), {
      maxItems: 64,
      description: 'Labels for placement',
    }),
    slots: Type.Integer({
      minimum: 0,
      maximum: 10_000,
      description: 'Sessions it may run at once',
    }),
    backends: Type.Array(BackendInfo, { maxItems: 64 }),
    sessions: Type.Array(LiveSession, {
      maxItems: MAX_HOST_SESSIONS,
      description: 'What lives on it now',
    }),
    software: Type.String({ maxLength: 256, description: 'Name and version of the host software' }),
    pid: processId('Process id of the host'),
  }),
  result: Type.Object({
    sessions: Type.Array(
      Type.Object({
        session: Type.String({ description: 'Session id' }),
        keep: Type.Boolean({ description: 'False: the lease is over, end the process' }),
        acknowledged: Type.Integer({
          minimum: 0,
          description: 'Producer sequence on disk; send again what comes after it',
        }),
      }),
      { description: 'One for each session that was reported' },
    ),
  }),
  errors: ['HOST_TAKEN', 'LIMIT_REACHED'],
})
