import fc from 'fast-check'
import t, { type Test } from 'tap'
import { type QuietTimes, Watchdog } from '../../agent-host/watchdog.ts'
import { VirtualClock } from '../support/virtual-clock.ts'

const TIMES = { tellMs: 10_000, interruptMs: 30_000, stopMs: 5000 }

function setUp(times: QuietTimes = TIMES) {
  const clock = new VirtualClock()
  const steps: string[] = []
  const state = { isExcused: false, timers: 0 }
  const note = (what: string): void => {
    steps.push(`${clock.now / 1000} ${what}`)
  }
  const dog = new Watchdog(times, {
    timers: {
      now: () => clock.now,
      after: (ms, run) => {
        let isOff = false
        state.timers += 1
        const callOff = (): void => {
          if (!isOff) state.timers -= 1
          isOff = true
        }
        clock.after(ms, () => {
          if (isOff) return
          callOff()
          run()
        })
        return callOff
      },
    },
    isExcused: () => state.isExcused,
    tell: (message) => note(message),
    interrupt: () => note('interrupt'),
    stop: () => note('stop'),
  })
  return { clock, dog, steps, state }
}

t.test('a quiet turn is told of, interrupted and stopped, each in its time', async (t: Test) => {
  const { clock, dog, steps, state } = setUp()
  dog.begin()
  clock.run(9999)
  t.same(steps, [])
  clock.run(90_000)
  t.same(steps, [
    '10 the agent has said nothing for 10 s',
    '30 the agent has said nothing for 30 s: its turn is interrupted',
    '30 interrupt',
    '35 stop',
  ])
  t.equal(state.timers, 0)
})

t.test('whatever it says begins the time anew, and it can be told of again', async (t: Test) => {
  const { clock, dog, steps } = setUp()
  dog.begin()
  for (let second = 0; second < 60; second += 9) {
    clock.run(9000)
    dog.alive()
  }
  t.same(steps, [])
  clock.run(12_000)
  t.equal(steps.length, 1)
  dog.alive()
  clock.run(12_000)
  t.equal(steps.length, 2)
  t.match(steps, [/nothing for 10 s$/, /nothing for 10 s$/])
})

t.test('after the interrupt a sign of life gives it time to end, but no new turn', async (t) => {
  const { clock, dog, steps } = setUp()
  dog.begin()
  clock.run(33_000)
  dog.alive()
  clock.run(4000)
  t.match(steps.at(-1), 'interrupt')
  clock.run(1000)
  t.equal(steps.at(-1), '38 stop')
})

t.test('between turns nothing is watched', async (t: Test) => {
  const { clock, dog, steps, state } = setUp()
  dog.alive()
  clock.run(100_000)
  dog.begin()
  dog.end()
  dog.alive()
  clock.run(100_000)
  t.same(steps, [])
  t.equal(state.timers, 0)
})

t.test('time in which it waits for somebody does not count', async (t: Test) => {
  const { clock, dog, steps, state } = setUp()
  dog.begin()
  state.isExcused = true
  clock.run(1_000_000)
  t.same(steps, [])
  state.isExcused = false
  clock.run(8999)
  t.same(steps, [])
  clock.run(2001)
  t.equal(steps.length, 1)
})

t.test('a step that takes 0 ms is never taken', async (t: Test) => {
  const off = setUp({ tellMs: 0, interruptMs: 0, stopMs: 0 })
  off.dog.begin()
  t.equal(off.state.timers, 0)
  const patient = setUp({ tellMs: 0, interruptMs: 1000, stopMs: 0 })
  patient.dog.begin()
  patient.clock.run(1_000_000)
  t.match(patient.steps, [/interrupted$/, '1 interrupt'])
})

t.test('whatever happens: at most one timer, one interrupt and one stop a turn', async () => {
  const step = fc.tuple(
    fc.constantFrom('begin', 'alive', 'end', 'excuse', 'accuse'),
    fc.nat(20_000),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (plan) => {
      const { clock, dog, steps, state } = setUp()
      for (const [what, ms] of plan) {
        if (what === 'begin') steps.length = 0
        if (what === 'begin' || what === 'alive' || what === 'end') dog[what]()
        else state.isExcused = what === 'excuse'
        clock.run(ms)
        const count = (word: string) => steps.filter((one) => one.endsWith(word)).length
        if (state.timers > 1 || count(' interrupt') > 1 || count(' stop') > 1) return false
      }
      return true
    }),
  )
})
