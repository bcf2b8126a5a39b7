import t from 'tap'
import { type CallRequest, type Outcome, PendingCalls } from '../../clients/sdk/pending-calls.ts'
import { EMPTY, encode } from '../../protocol/codec.ts'
import { type ErrorCode, type ErrorOrigin, ProtocolError } from '../../protocol/errors.ts'
import type { Head, HeadFor } from '../../protocol/messages/index.ts'

/** A table of calls on a link that a test can take away, and everything that it sent. */
class Bench {
  readonly sent: Head[] = []
  isUp = true
  knowsUsers = true
  now = 1000
  readonly pending = new PendingCalls({
    send: (head) => {
      if (this.isUp) this.sent.push(head)
      return this.isUp
    },
    random: () => 0.5,
    knowsUsers: () => this.knowsUsers,
  })

  start(request: Partial<CallRequest> = {}) {
    const outcomes: Outcome[] = []
    let accepted = 0
    const abandon = this.pending.start(
      {
        method: 'session.create',
        target: '',
        key: 'key-1',
        trace: '',
        mutating: true,
        body: EMPTY,
        deadlineAt: this.now + 10_000,
        retryOn: [],
        onAccepted: () => {
          accepted += 1
        },
        settle: (outcome) => outcomes.push(outcome),
        ...request,
      },
      this.now,
    )
    return {
      outcomes,
      abandon,
      get accepted() {
        return accepted
      },
    }
  }

  get requests(): HeadFor<'REQUEST'>[] {
    return this.sent.filter((head) => head.kind === 'REQUEST')
  }

  get lastId(): string {
    return this.requests.at(-1)?.id ?? ''
  }

  reply(id: string, body: Buffer = encode({ ok: true })): void {
    this.#receive({ kind: 'REPLY', id }, body)
  }

  accept(id: string): void {
    this.#receive({ kind: 'ACCEPTED', id })
  }

  refuse(id: string, code: ErrorCode, origin: ErrorOrigin = {}): void {
    this.#receive({ kind: 'ERROR', id }, EMPTY, new ProtocolError(code, {}, origin))
  }

  #receive(head: Head, body = EMPTY, error = new ProtocolError('INTERNAL')): void {
    this.pending.receive(head, body, () => error, this.now)
  }

  pass(ms: number): void {
    this.now += ms
    this.pending.tick(this.now)
  }

  lose(): void {
    this.isUp = false
    this.pending.lost()
  }

  restore(): void {
    this.isUp = true
    this.pending.connected(this.now)
  }
}

function failure(outcomes: readonly Outcome[]): { code: string; executed: string } | undefined {
  const [outcome] = outcomes
  if (outcomes.length !== 1 || !outcome || outcome.ok) return undefined
  return { code: outcome.error.code, executed: outcome.error.executed }
}

t.test('a call ends with its reply, and tells once that it was accepted', async (t) => {
  const bench = new Bench()
  const call = bench.start()
  t.match(bench.requests, [{ method: 'session.create', key: 'key-1', remaining_ms: 10_000 }])
  bench.accept(bench.lastId)
  bench.accept(bench.lastId)
  bench.reply(bench.lastId)
  t.equal(call.accepted, 1)
  t.match(call.outcomes, [{ ok: true }])
  t.equal(bench.pending.size, 0)
})

t.test('answers to a call that has ended, or that nobody made, are ignored', async (t) => {
  const bench = new Bench()
  const call = bench.start()
  const id = bench.lastId
  bench.reply(id)
  bench.reply(id)
  bench.refuse(id, 'INTERNAL')
  bench.reply('nobody')
  t.equal(call.outcomes.length, 1)
})

t.test('a call made without a connection is sent once there is one', async (t) => {
  const bench = new Bench()
  bench.lose()
  const call = bench.start()
  t.equal(bench.sent.length, 0)
  bench.now += 4000
  bench.restore()
  t.match(bench.requests, [{ remaining_ms: 6000 }])
  bench.reply(bench.lastId)
  t.match(call.outcomes, [{ ok: true }])
})

t.test(
  'what was in flight when the connection broke is sent again with the same key',
  async (t) => {
    const bench = new Bench()
    const call = bench.start()
    const first = bench.lastId
    bench.lose()
    bench.restore()
    t.same(
      bench.requests.map(({ key }) => key),
      ['key-1', 'key-1'],
    )
    t.not(bench.lastId, first)
    bench.reply(first) // of the attempt before
    t.same(call.outcomes, [])
    bench.reply(bench.lastId)
    t.match(call.outcomes, [{ ok: true }])
  },
)

t.test('NOT_WELCOME, OVERLOADED and DRAINING are retried after a jittered delay', async (t) => {
  for (const code of ['NOT_WELCOME', 'OVERLOADED', 'DRAINING'] as const) {
    const bench = new Bench()
    const call = bench.start()
    bench.refuse(bench.lastId, code)
    t.equal(bench.requests.length, 1, `${code} does not lead to a retry at once`)
    bench.pass(25) // half of the first 50 ms
    t.equal(bench.requests.length, 2, code)
    bench.reply(bench.lastId)
    t.match(call.outcomes, [{ ok: true }])
  }
})

t.test('a refusal that says after how long is retried then, whatever its code', async (t) => {
  const bench = new Bench()
  const call = bench.start()
  bench.refuse(bench.lastId, 'NO_HOST', { retryAfterMs: 500 })
  bench.pass(499)
  t.equal(bench.requests.length, 1)
  bench.pass(30)
  t.equal(bench.requests.length, 2)
  t.same(call.outcomes, [])
})

t.test('a refusal that does not pass by itself is told at once, unless it was named', async (t) => {
  for (const code of ['NO_HOST', 'AT_CAPACITY', 'BUSY', 'HOST_LOST'] as const) {
    const bench = new Bench()
    const hasty = bench.start()
    bench.refuse(bench.lastId, code)
    t.same(failure(hasty.outcomes), { code, executed: 'no' })
    const patient = bench.start({ retryOn: [code] })
    bench.refuse(bench.lastId, code)
    t.same(patient.outcomes, [])
    bench.pass(100)
    t.equal(bench.requests.length, 3)
  }
})

t.test('what may have been done is repeated only when it changes nothing', async (t) => {
  const bench = new Bench()
  const changing = bench.start()
  bench.refuse(bench.lastId, 'OVERLOADED', { executed: 'unknown' })
  t.same(failure(changing.outcomes), { code: 'OVERLOADED', executed: 'unknown' })

  const reading = bench.start({ mutating: false, key: '' })
  bench.refuse(bench.lastId, 'OVERLOADED', { executed: 'unknown' })
  bench.pass(100)
  bench.reply(bench.lastId)
  t.match(reading.outcomes, [{ ok: true }])
})

t.test('a refusal that would be retried beyond the deadline is the outcome', async (t) => {
  const bench = new Bench()
  const call = bench.start({ deadlineAt: bench.now + 300 })
  bench.refuse(bench.lastId, 'DRAINING', { retryAfterMs: 1000 })
  t.same(failure(call.outcomes), { code: 'DRAINING', executed: 'no' })
})

t.test('a deadline without a connection says that nothing was done', async (t) => {
  const bench = new Bench()
  bench.lose()
  const call = bench.start()
  bench.pass(9_999)
  t.same(call.outcomes, [])
  bench.pass(1)
  t.same(failure(call.outcomes), { code: 'DEADLINE_EXCEEDED', executed: 'no' })
})

t.test('at the deadline the broker may still say whether it was done', async (t) => {
  const bench = new Bench()
  const told = bench.start()
  bench.pass(10_100)
  bench.refuse(bench.lastId, 'DEADLINE_EXCEEDED', { executed: 'no' })
  t.same(failure(told.outcomes), { code: 'DEADLINE_EXCEEDED', executed: 'no' })

  const untold = bench.start()
  const id = bench.lastId
  bench.pass(10_250)
  t.same(failure(untold.outcomes), { code: 'DEADLINE_EXCEEDED', executed: 'unknown' })
  t.match(bench.sent.at(-1), { kind: 'CANCEL', id })
})

t.test(
  'the last refusal is the outcome when the deadline passes while it is sat out',
  async (t) => {
    const bench = new Bench()
    const call = bench.start()
    bench.refuse(bench.lastId, 'DRAINING')
    bench.lose()
    bench.pass(10_000)
    t.same(failure(call.outcomes), { code: 'DRAINING', executed: 'no' })
  },
)

t.test('abandoning a call cancels it there and ends it here', async (t) => {
  const bench = new Bench()
  const call = bench.start()
  const id = bench.lastId
  const giveUp = () =>
    call.abandon((executed) => new ProtocolError('CANCELLED', {}, { executed, where: 'client' }))
  giveUp()
  giveUp()
  bench.reply(id)
  t.same(failure(call.outcomes), { code: 'CANCELLED', executed: 'unknown' })
  t.same(
    bench.sent.map(({ kind }) => kind),
    ['REQUEST', 'CANCEL'],
  )
})

t.test('abandoning a call that was never sent says that nothing was done', async (t) => {
  const bench = new Bench()
  bench.lose()
  const call = bench.start()
  call.abandon((executed) => new ProtocolError('CANCELLED', {}, { executed }))
  bench.restore()
  t.same(failure(call.outcomes), { code: 'CANCELLED', executed: 'no' })
  t.same(bench.sent, [])
})

t.test('closing fails every call and says which may have been done', async (t) => {
  const bench = new Bench()
  const sent = bench.start()
  bench.lose()
  const unsent = bench.start()
  bench.pending.failAll((executed) => new ProtocolError('CONNECTION_CLOSED', {}, { executed }))
  t.same(failure(sent.outcomes), { code: 'CONNECTION_CLOSED', executed: 'unknown' })
  t.same(failure(unsent.outcomes), { code: 'CONNECTION_CLOSED', executed: 'no' })
  t.equal(bench.pending.size, 0)
})

t.test('a request for a user says so, each time that it is sent', async (t) => {
  const bench = new Bench()
  bench.start({ user: 'anna' })
  bench.lose()
  bench.restore()
  t.match(bench.requests, [{ user: 'anna' }, { user: 'anna', key: 'key-1' }])
  bench.start()
  t.notOk('user' in (bench.requests.at(-1) ?? {}), 'one of its own does not')
})

t.test('a broker that knows nothing of users is never sent a request for one', async (t) => {
  const bench = new Bench()
  bench.knowsUsers = false
  const call = bench.start({ user: 'anna' })
  t.strictSame(bench.sent, [])
  t.match(failure(call.outcomes), { code: 'UNSUPPORTED', executed: 'no' })
  bench.knowsUsers = true
  const later = bench.start({ user: 'anna' })
  bench.lose()
  bench.knowsUsers = false // an older one answers now
  bench.restore()
  t.equal(bench.requests.length, 1)
  t.match(failure(later.outcomes), { code: 'UNSUPPORTED' })
})
