/** Settings of the door for the MessagePack agent protocol. */
import { expose, host, isOn, port } from '../setting-fields.ts'

export const repSettings = {
  rep: isOn('agents on ZeroMQ REP'),
  rep_host: host('REP'),
  rep_port: port('REP', 5555),
  expose_rep: expose('REP'),
}
