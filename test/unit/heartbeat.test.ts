/** When the other side of a connection is lost, also for who could not listen for a while. */
import t from 'tap'
import { HEARTBEAT, Heartbeat } from '../../protocol/link/heartbeat.ts'

const { heartbeatMs, livenessMs } = HEARTBEAT
const TICK_MS = 50

/** Ticks until it says `lost`; how long after `from` that is, ms. */
function lostAfter(heartbeat: Heartbeat, from: number, everyMs = TICK_MS): number {
  for (let now = from; now < from + 60_000; now += everyMs) {
    if (heartbeat.tick(now) === 'lost') return now - from
  }
  return Number.POSITIVE_INFINITY
}

t.test('one that says nothing is lost after livenessMs', async (t) => {
  t.equal(lostAfter(new Heartbeat(HEARTBEAT, 0), 0), livenessMs)
})

t.test('a PING is due each heartbeatMs, with a number of its own', async (t) => {
  const heartbeat = new Heartbeat(HEARTBEAT, 0)
  const pings: (number | string)[] = []
  for (let now = TICK_MS; now <= 3 * heartbeatMs; now += TICK_MS) {
    heartbeat.heard(now)
    const due = heartbeat.tick(now)
    if (due !== undefined) pings.push(due)
  }
  t.same(pings, [1, 2, 3])
})

t.test(
  'who stood still has time to read what waits before it takes anybody for dead',
  async (t) => {
    const heartbeat = new Heartbeat(HEARTBEAT, 0)
    heartbeat.tick(TICK_MS)
    const later = 3_600_000
    t.not(heartbeat.tick(later), 'lost')
    t.ok(heartbeat.silentMs(later) <= heartbeatMs + TICK_MS, `${heartbeat.silentMs(later)} ms`)
    const after = lostAfter(heartbeat, later)
    t.ok(after >= livenessMs - heartbeatMs - TICK_MS, `${after} ms`)
    t.ok(after <= livenessMs, `${after} ms`)
  },
)

t.test('a loop that is always slow finds out all the same', async (t) => {
  const heartbeat = new Heartbeat(HEARTBEAT, 0)
  t.equal(lostAfter(heartbeat, 0, 3 * heartbeatMs), 3 * livenessMs)
})
