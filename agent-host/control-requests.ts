/** Requests of the broker that change how a session runs, beyond its turns. */
import type { HostMethod } from '../protocol/methods/index.ts'
import type { RequestHandler } from './requests.ts'

type ControlMethod = Extract<
  HostMethod,
  'agent.pause' | 'agent.resume' | 'agent.signal' | 'agent.write' | 'agent.set_mode' | 'agent.probe'
>

export const CONTROL_HANDLERS: { readonly [M in ControlMethod]: RequestHandler<M> } = {
  'agent.pause': async ({ sessions }, params) => {
    sessions.leased(params).control.suspend(params.mode)
    return {}
  },
  'agent.resume': async ({ sessions }, lease) => {
    sessions.leased(lease).control.release()
    return {}
  },
  'agent.signal': async ({ sessions }, params) => {
    sessions.leased(params).control.signal(params.signal)
    return {}
  },
  'agent.write': async ({ sessions }, params) => {
    sessions.leased(params).control.write(params.line)
    return {}
  },
  'agent.probe': async ({ sessions }, params) => ({
    ...sessions.leased(params).evidence(),
    data: params.data,
  }),
  'agent.set_mode': async ({ sessions }, params) => {
    await sessions.leased(params).control.setMode(params.mode)
    return {}
  },
}
