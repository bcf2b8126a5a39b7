/** How readers tell the broker where they are. Pure. */
import t from 'tap'
import { ProgressReports } from '../../clients/sdk/progress.ts'
import { ProtocolError } from '../../protocol/errors.ts'
import { MAX_POSITIONS } from '../../protocol/methods/readers.ts'

type Positions = readonly (readonly [string, number])[]

interface Told {
  readonly positions: Positions
  answer(error?: ProtocolError): Promise<void>
}

/** Feeds whose readers move as the test says, and a broker that answers as it says. */
function stage(count: number) {
  const told: Told[] = []
  const reports = new ProgressReports({
    call: (_method, params) =>
      new Promise((resolve, reject) => {
        const answer = async (error?: ProtocolError) => {
          if (error) reject(error)
          else resolve({} as never)
          await new Promise((done) => setImmediate(done))
        }
        told.push({ positions: (params as { positions: Positions }).positions, answer })
      }),
  })
  const feeds = Array.from({ length: count }, (_, index) => new Moving(`t${index}`))
  return { told, reports, feeds }
}

class Moving {
  readonly #ticket: string
  position = 0
  #told = -1

  constructor(ticket: string) {
    this.#ticket = ticket
  }

  progress() {
    if (this.#told === this.position) return undefined
    this.#told = this.position
    return { ticket: this.#ticket, position: this.position }
  }

  untold(): void {
    this.#told = -1
  }
}

t.test('a dashboard of 500 sessions costs one request a second, and none while idle', async (t) => {
  const { told, reports, feeds } = stage(500)
  for (let now = 0; now <= 10_000; now += 100) {
    for (const feed of feeds) feed.position = now
    reports.tick(now, feeds)
    await told.at(-1)?.answer()
  }
  t.equal(told.length, 11)
  t.ok(told.every(({ positions }) => positions.length === 500))
  for (let now = 10_100; now <= 20_000; now += 100) reports.tick(now, feeds)
  t.equal(told.length, 11)
  if (feeds[7]) feeds[7].position = 1
  reports.tick(21_000, feeds)
  t.same(told.at(-1)?.positions, [['t7', 1]])
})

t.test('a report that failed is made again, and no second one is made beside it', async (t) => {
  const { told, reports, feeds } = stage(1)
  reports.tick(0, feeds)
  for (let now = 100; now < 5000; now += 100) reports.tick(now, feeds)
  t.equal(told.length, 1)
  await told[0]?.answer(new ProtocolError('DEADLINE_EXCEEDED', { where: 'broker' }))
  reports.tick(5000, feeds)
  t.same(told[1]?.positions, [['t0', 0]])
})

t.test('what one request cannot carry is told by the next', async (t) => {
  const { told, reports, feeds } = stage(MAX_POSITIONS + 1)
  reports.tick(0, feeds)
  await told[0]?.answer()
  reports.tick(1000, feeds)
  t.equal(told[0]?.positions.length, MAX_POSITIONS)
  t.same(told[1]?.positions, [[`t${MAX_POSITIONS}`, 0]])
})
