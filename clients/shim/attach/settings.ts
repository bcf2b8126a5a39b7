/** Settings of the attach sockets. */
import { Type } from '../../../protocol/typebox.ts'
import { isOn, limit } from '../setting-fields.ts'

export const attachSettings = {
  attach: isOn('attach sockets'),
  attach_dir: Type.String({
    minLength: 1,
    maxLength: 80,
    default: '/tmp',
    description: 'Directory of the attach sockets, which are made with mode 0600',
  }),
  attach_sessions: limit('Most clients that are attached to one agent', 1),
  attach_token_ms: limit('How long a token opens an attach socket, ms', 300_000),
}
