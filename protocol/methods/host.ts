/** host.*: what the broker knows of hosts, and what hosts tell it. */
import { type Static, Type } from 'typebox'
import { defineMethod } from './define.ts'
import { BackendInfo, HostInfo } from './types.ts'

export const HostList = defineMethod('host.list', {
  description: 'All hosts that have registered since the broker started.',
  answeredBy: 'broker',
  scope: 'read',
  mutating: false,
  params: Type.Object({}),
  result: Type.Object({ hosts: Type.Array(HostInfo) }),
  errors: [],
})

export const HostGet = defineMethod('host.get', {
  description: 'One host.',
  answeredBy: 'broker',
  scope: 'read',
  mutating: false,
  params: Type.Object({
    host: Type.String({ minLength: 1, maxLength: 128, description: 'Host id or name' }),
  }),
  result: HostInfo,
  errors: ['NO_SUCH_HOST'],
})

/** A session that lives on a host, as the host reports it after each WELCOME. */
export const LiveSession = Type.Object({
  session: Type.String({ maxLength: 128 }),
  epoch: Type.Integer({ minimum: 1 }),
  produced: Type.Integer({ minimum: 0, description: 'Highest producer sequence given out' }),
  turn: Type.Integer({ minimum: 0, description: 'Highest turn taken' }),
  pid: Type.Union([Type.Integer(), Type.Null()], {
    description: 'Process id; null once it has ended',
  }),
})
export type LiveSession = Static<typeof LiveSession>

export const HostRegister = defineMethod('host.register', {
  description: 'Makes the connection a host; sent by the host after each WELCOME.',
  answeredBy: 'broker',
  scope: 'host',
  mutating: false,
  params: Type.Object({
    host: Type.String({ minLength: 1, maxLength: 128, description: 'Host id' }),
    name: Type.String({ minLength: 1, maxLength: 128, description: 'Name for people' }),
    labels: Type.Array(Type.String({ maxLength: 128 }), { maxItems: 64 }),
    slots: Type.Integer({ minimum: 0, maximum: 10_000 }),
    backends: Type.Array(BackendInfo, { maxItems: 64 }),
    sessions: Type.Array(LiveSession, { maxItems: 10_000 }),
    software: Type.String({ maxLength: 256 }),
    pid: Type.Integer({ minimum: 0 }),
  }),
  result: Type.Object({
    sessions: Type.Array(
      Type.Object({
        session: Type.String(),
        keep: Type.Boolean({ description: 'False: the lease is over, end the process' }),
        acknowledged: Type.Integer({
          minimum: 0,
          description: 'Producer sequence on disk; send again what comes after it',
        }),
      }),
    ),
  }),
  errors: [],
})
