/** The watch on the disk of a fault run: what counts as standing still, and what that excuses. */
import t from 'tap'
import { apartFromStalls, DiskWatch } from '../chaos/disk-watch.ts'

/** A disk whose writes end when the test says so, by a clock that the test sets. */
function setUp() {
  let now = 0
  let end: (error?: Error) => void = () => undefined
  let begin: () => void = () => undefined
  const watch = new DiskWatch({
    now: () => now,
    write: () =>
      new Promise((resolve, reject) => {
        end = (error) => (error ? reject(error) : resolve())
        begin()
      }),
    pause: () => Promise.resolve(),
  })
  const nextWrite = () =>
    new Promise<void>((resolve) => {
      begin = resolve
    })
  /** One write ends after so many ms; resolves when the next one is under way. */
  const write = async (ms: number): Promise<void> => {
    now += ms
    const next = nextWrite()
    end()
    await next
  }
  const pass = (ms: number): void => {
    now += ms
  }
  return { watch, write, pass, fail: (error: Error) => end(error), finish: () => end() }
}

t.test('a disk that is slow does not stand still', async (t) => {
  const { watch, write, finish } = setUp()
  watch.start()
  await write(999)
  await write(500)
  t.same([watch.stalledMs, watch.longestMs], [0, 999])
  await write(1000)
  await write(3000)
  t.same([watch.stalledMs, watch.longestMs], [4000, 3000])
  const stopped = watch.stop()
  finish()
  await stopped
})

t.test('a write that is still under way counts as well, once', async (t) => {
  const { watch, write, pass, finish } = setUp()
  watch.start()
  pass(999)
  t.equal(watch.stalledMs, 0)
  pass(4001)
  t.equal(watch.stalledMs, 5000)
  await write(0)
  t.equal(watch.stalledMs, 5000)
  const stopped = watch.stop()
  finish()
  await stopped
})

t.test('a watch that cannot write says so at the end', async (t) => {
  const { watch, fail } = setUp()
  watch.start()
  fail(new Error('no room'))
  await t.rejects(watch.stop(), { message: 'no room' })
})

/** Recoveries that find this, and after which the disk has stood still for so long in all. */
async function judged(...attempts: readonly { trouble: string[]; stalledMs: number }[]) {
  const disk = { stalledMs: 700 }
  const told: unknown[] = []
  let made = 0
  const recover = async () => {
    const { trouble, stalledMs } = attempts[Math.min(made, attempts.length - 1)] ?? never()
    made += 1
    disk.stalledMs += stalledMs
    return trouble
  }
  const trouble = await apartFromStalls(disk, recover, (found, ms) => told.push([...found, ms]))
  return { trouble, made, told }
}

function never(): never {
  throw new Error('there is always one')
}

t.test('what is wrong stays wrong while the disk takes writes', async (t) => {
  const result = await judged({ trouble: ['hangs'], stalledMs: 0 })
  t.same(result, { trouble: ['hangs'], made: 1, told: [] })
})

t.test('a recovery that failed while the disk stood still is made again, and judged', async (t) => {
  const stalled = { trouble: ['hangs'], stalledMs: 8000 }
  const well = await judged(stalled, { trouble: [], stalledMs: 0 })
  t.same(well, { trouble: [], made: 2, told: [['hangs', 8000]] })
  const ill = await judged(stalled, { trouble: ['hangs on'], stalledMs: 0 })
  t.same(ill, { trouble: ['hangs on'], made: 2, told: [['hangs', 8000]] })
})

t.test('a recovery that went well is not made again', async (t) => {
  const result = await judged({ trouble: [], stalledMs: 2000 })
  t.same(result, { trouble: [], made: 1, told: [] })
})

t.test('a disk that never works is no excuse for ever', async (t) => {
  const { trouble, made } = await judged({ trouble: ['hangs'], stalledMs: 2000 })
  t.same([trouble, made], [['hangs'], 7])
})
