/** Settings of the door for the MessagePack agent protocol. */
import { Type } from '../../../protocol/typebox.ts'
import { expose, host, isOn, limit, port } from '../setting-fields.ts'

export const repSettings = {
  rep: isOn('agents on ZeroMQ REP'),
  rep_host: host('REP'),
  rep_port: port('REP', 5555),
  expose_rep: expose('REP'),
  rep_log: Type.Boolean({
    default: false,
    description: 'Publish what agents write on a socket of its own, on the address of REP',
  }),
  rep_log_port: port('that socket', 5556),
  rep_max_agents: limit('Most agents that have not ended; spawning beyond it is refused', 100),
}
