/** All measures, in the order in which they run and are shown. */
import { TRANSPORTS } from '../transports.ts'
import { brokeredCall } from './brokered-call.ts'
import { callLatency } from './call-latency.ts'
import { durableAppend } from './durable-append.ts'
import { fanOut } from './fan-out.ts'
import { interrupt } from './interrupt.ts'
import type { Measure } from './measure.ts'
import { MEMORY } from './memory.ts'
import { replay } from './replay.ts'
import { START } from './start.ts'
import { stdoutLatency } from './stdout-latency.ts'
import { storedValueCall } from './stored-value.ts'

export const MEASURES: readonly Measure[] = [
  ...TRANSPORTS.flatMap((transport) => [
    ...brokeredCall(transport),
    storedValueCall(transport),
    ...callLatency(transport),
    ...durableAppend(transport),
    replay(transport),
    stdoutLatency(transport),
    interrupt(transport),
    ...fanOut(transport),
  ]),
  ...MEMORY,
  ...START,
]
