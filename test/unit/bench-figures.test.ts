/** The arithmetic of the benchmarks. How fast anything is, is no matter here. */
import t from 'tap'
import { allMet, judge } from '../bench/figures/goals.ts'
import { outcomeOf } from '../bench/figures/outcome.ts'
import { latencyOf, median, percentile } from '../bench/figures/percentiles.ts'
import { busiest, busySeconds } from '../bench/figures/profile.ts'
import { seeded } from '../bench/figures/seeded.ts'
import { dueBy, openSchedule } from '../bench/load/open-schedule.ts'
import { chunkText, timeIn } from '../bench/load/text.ts'
import type { Goal } from '../bench/measures/measure.ts'
import { parseStat, parseStatus, threadSecondsOf } from '../bench/stage/proc.ts'

const upTo = (n: number) => Array.from({ length: n }, (_, index) => index + 1)

t.test('a percentile is a value that was measured, by nearest rank', async (t) => {
  t.equal(percentile(upTo(100), 50), 50)
  t.equal(percentile(upTo(100), 99), 99)
  t.equal(percentile(upTo(100), 99.9), 100)
  t.equal(percentile([7], 1), 7)
  t.throws(() => percentile([], 50), /no percentile 50 of 0 values/)
  t.same(latencyOf(upTo(1000).reverse()), { p50: 500, p99: 990, p999: 999 })
})

t.test('a median is in the middle, whatever the order', async (t) => {
  t.equal(median([3, 1, 2]), 2)
  t.equal(median([4, 1, 3, 2]), 2.5)
  t.equal(median([10, 9, 100]), 10, 'by number, not by text')
  t.throws(() => median([]), /no median/)
})

t.test('several runs come to medians, with the ends of the value beside them', async (t) => {
  const latencyMs = { p50: 1, p99: 2, p999: 3 }
  const one = { value: 10, latencyMs, cpuSeconds: 1, more: { lag: 5 } }
  const two = { value: 30, latencyMs: { p50: 3, p99: 4, p999: 5 }, cpuSeconds: 3, more: { lag: 7 } }
  const three = { ...two, value: 20 }
  t.same(outcomeOf([one, two, three]), {
    ...{ value: 20, min: 10, max: 30, repeats: 3 },
    ...{ latencyMs: { p50: 3, p99: 4, p999: 5 }, cpuSeconds: 3, more: { lag: 7 } },
  })
  t.notOk('cpuSeconds' in outcomeOf([one, { value: 1 }]), 'a figure that one lacks is left out')
})

t.test('an open schedule has the rate that was asked for, and gaps as of strangers', async (t) => {
  const due = openSchedule({ perSecond: 1000, count: 20_000, random: seeded(7) })
  const gaps = due.map((at, index) => at - (due[index - 1] ?? 0))
  t.ok(gaps.every((gap) => gap >= 0))
  t.ok(Math.abs((due.at(-1) ?? 0) - 20_000) < 500, 'one a millisecond on the average')
  const long = gaps.filter((gap) => gap > 2).length / gaps.length
  t.ok(Math.abs(long - Math.exp(-2)) < 0.01, 'as many long gaps as independent arrivals have')
  t.same(due, openSchedule({ perSecond: 1000, count: 20_000, random: seeded(7) }))
})

t.test('what came due while the loop stood still is due all the same', async (t) => {
  const due = Float64Array.from([1, 2, 3, 10])
  t.equal(dueBy(due, 0, 0.5), 0)
  t.equal(dueBy(due, 0, 3), 3)
  t.equal(dueBy(due, 3, 9), 3)
  t.equal(dueBy(due, 1, 99), 4)
})

t.test('random numbers are the same for the same seed, and spread evenly', async (t) => {
  const [a, b, other] = [seeded(1), seeded(1), seeded(2)]
  const first = upTo(1000).map(() => a())
  t.same(
    upTo(1000).map(() => b()),
    first,
  )
  t.not(other(), first[0])
  t.ok(first.every((value) => value >= 0 && value < 1))
  t.ok(Math.abs(median(first) - 0.5) < 0.05)
})

t.test('a chunk says when it was due, and is as long as any other', async (t) => {
  for (const at of [0, 12.345, 987_654_321.5]) {
    t.equal(timeIn(chunkText(at)), at)
    t.equal(chunkText(at).length, 120)
  }
})

const outcome = (value: number, more = {}) => ({ value, min: value, max: value, repeats: 1, more })

t.test('a goal is judged by the ratio to its peer, the value, or another figure', async (t) => {
  const ours = outcome(40, { gaps: 1 })
  const peers = { nats: outcome(10), plain: outcome(50) }
  const met = (goal: Goal) => judge(goal, 'ms', ours, peers)
  t.same(met({ peer: 'nats', atLeast: 4 }), {
    ...{ text: 'at least 4 x nats', is: 4, unit: 'x', met: true },
  })
  t.match(met({ peer: 'nats', atLeast: 4.1 }), { is: 4, met: false })
  t.match(met({ peer: 'plain', atMost: 0.8 }), { text: 'at most 0.8 x plain', is: 0.8, met: true })
  t.match(met({ atMost: 39 }), { text: 'at most 39 ms', is: 40, unit: 'ms', met: false })
  t.match(met({ figure: 'gaps', atMost: 0 }), { text: 'gaps at most 0', is: 1, met: false })
})

t.test('a goal is not judged when ours or its peer was not run', async (t) => {
  const goal = { peer: 'nats', atLeast: 4 }
  t.match(judge(goal, 'ms', outcome(1), {}), { is: null, met: null })
  t.match(judge(goal, 'ms', undefined, { nats: outcome(1) }), { is: null, met: null })
})

t.test('goals together are missed by one, and not judged while one is not', async (t) => {
  const [yes, no, unknown] = [true, false, null].map((met) => ({
    text: '',
    is: null,
    unit: '',
    met,
  }))
  const met = (...all: (typeof yes)[]) => allMet(all.flatMap((one) => one ?? []))
  t.equal(met(yes, yes), true)
  t.equal(met(yes, unknown, no), false)
  t.equal(met(yes, unknown), null)
  t.equal(met(), null)
})

t.test('what Linux says of a process is read, whatever its name', async (t) => {
  const stat = '12 (a) b (c)) S 7 12 12 0 -1 4194304 1 0 0 0 250 50 0 0 20 0 11 0 99 1 1'
  t.same(parseStat(stat), { parent: 7, cpuSeconds: 3 })
  const status = 'Name:\tx\nVmHWM:\t  100000 kB\nVmRSS:\t   50000 kB\n'
  t.equal(parseStatus(status, 'VmHWM'), 102.4)
  t.throws(() => parseStatus(status, 'RssAnon'), /no RssAnon/)
})

t.test('a profile tells the share of each function of the time that was not idle', async (t) => {
  const frame = (functionName: string, url = '') => ({ functionName, url, lineNumber: 4 })
  const profile = {
    nodes: [
      { id: 1, callFrame: frame('(idle)') },
      { id: 2, callFrame: frame('send', 'file:///x/dist/broker/router-socket.js') },
      { id: 3, callFrame: frame('', 'node:internal/url') },
    ],
    samples: [1, 2, 3, 2],
    timeDeltas: [5000, 2000, 1000, 1000],
  }
  t.equal(busySeconds(profile), 0.004)
  t.same(busiest(profile, 1), [{ where: 'send broker/router-socket.js:5', share: 0.75 }])
  t.same(busiest(profile, 9)[1], { where: '(anonymous) internal/url:5', share: 0.25 })
})

t.test('the threads of a process are asked for the time that they used', async (t) => {
  const before = threadSecondsOf(process.pid)
  t.ok(before > 0)
  const until = performance.now() + 50
  while (performance.now() < until);
  const used = threadSecondsOf(process.pid) - before
  t.ok(used > 0 && used < 5, `${used} s`)
})
