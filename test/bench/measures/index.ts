/** All measures, in the order in which they run and are shown. */
import { TRANSPORTS } from '../transports.ts'
import { BROKERED_CALL } from './brokered-call.ts'
import { CALL_LATENCY } from './call-latency.ts'
import { DURABLE_APPEND } from './durable-append.ts'
import { FAN_OUT } from './fan-out.ts'
import { INTERRUPT } from './interrupt.ts'
import type { Measure } from './measure.ts'
import { MEMORY } from './memory.ts'
import { type MeasureOnTransports, onTransport } from './on-transport.ts'
import { REPLAY } from './replay.ts'
import { START } from './start.ts'
import { STDOUT_LATENCY } from './stdout-latency.ts'
import { STORED_VALUE } from './stored-value.ts'

const ON_TRANSPORTS: readonly MeasureOnTransports[] = [
  ...BROKERED_CALL,
  STORED_VALUE,
  ...CALL_LATENCY,
  ...DURABLE_APPEND,
  REPLAY,
  STDOUT_LATENCY,
  INTERRUPT,
  ...FAN_OUT,
]

export const MEASURES: readonly Measure[] = [
  ...TRANSPORTS.flatMap((transport) => ON_TRANSPORTS.map((all) => onTransport(transport, all))),
  ...MEMORY,
  ...START,
]
