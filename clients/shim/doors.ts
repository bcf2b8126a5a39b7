/** The table of doors, in the order of starting: HTTP last, because others stand in it. */
import { attachDoor } from './attach/attach-door.ts'
import type { ShimSettings } from './config.ts'
import type { DoorFactory, DoorName } from './door.ts'
import { eventsDoor } from './events/events-door.ts'
import { httpDoor } from './http/http-door.ts'
import { metricsDoor } from './metrics/metrics-door.ts'
import { pubDoor } from './pub/pub-door.ts'
import { repDoor } from './rep/rep-door.ts'
import { sseDoor } from './sse/sse-door.ts'
import { unixDoor } from './unix/unix-door.ts'

export interface DoorRow {
  readonly name: DoorName
  readonly isOn: (settings: ShimSettings) => boolean
  readonly make: DoorFactory
}

export const DOORS: readonly DoorRow[] = [
  { name: 'pub', isOn: ({ pub }) => pub, make: pubDoor },
  { name: 'events', isOn: ({ ws }) => ws, make: eventsDoor },
  { name: 'rep', isOn: ({ rep }) => rep, make: repDoor },
  { name: 'attach', isOn: ({ attach }) => attach, make: attachDoor },
  { name: 'metrics', isOn: ({ metrics }) => metrics, make: metricsDoor },
  { name: 'unix', isOn: ({ unix }) => unix, make: unixDoor },
  { name: 'sse', isOn: ({ sse }) => sse, make: sseDoor },
  { name: 'http', isOn: ({ http }) => http, make: httpDoor },
]
