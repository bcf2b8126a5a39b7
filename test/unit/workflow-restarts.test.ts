/**
 * Workflows through `kill -9` of the broker, lost hosts and failed writes. The property: wherever it is cut
 * off, each step's prompt is in the streams once, and the workflow ends as if nothing had happened.
 */
import fc from 'fast-check'
import t from 'tap'
import { WORKFLOW_LIMITS } from '../../broker/core/workflows/limits.ts'
import { CoreHarness } from '../support/core-harness.ts'
import { Client, Host, setUp } from '../support/core-peers.ts'
import {
  Answerer,
  FORK_AND_JOIN,
  infoOf,
  LivingHost,
  own,
  prompts,
  tidings,
} from '../support/core-workflow.ts'

const A = '<first 7>'
const D = `<<left of ${A}> and <right of ${A}>>`
/** Of one broker after the other. */
const MAX_KILLS = 4
const PROMPTS = ['first 7', `left of ${A}`, `right of ${A}`, D.slice(1, -1), `end of ${D}`]

/** Plays on until the workflow has ended and nothing happens any more; or for this many commits. */
function playOn(harness: CoreHarness, host: LivingHost, commits = Number.POSITIVE_INFINITY): void {
  let turns = 0
  for (let done = 0, idle = 0; done < commits && idle < 40; ) {
    turns += 1
    if (turns > 5000) throw new Error('it never comes to rest')
    const hasWorked = host.work()
    if (!harness.core.batch.isIdle) {
      harness.commit()
      done += 1
    } else if (!hasWorked) harness.advance(50)
    idle = hasWorked || !harness.core.batch.isIdle ? 0 : idle + 1
  }
}

/** Begins the workflow; its request is on disk. */
function begin() {
  // Each kill may cost a step the session that was being started.
  const workflows = { ...WORKFLOW_LIMITS, maxStarts: MAX_KILLS + 1 }
  const harness = new CoreHarness({ durability: 'manual', limits: { workflows } })
  const host = new LivingHost(harness)
  const client = new Client(harness)
  harness.settle()
  const id = client.ask('workflow.execute', { steps: [...FORK_AND_JOIN], inputs: { what: 7 } })
  for (let n = 0; n < 3 && !client.hasEnd(id); n += 1) harness.commit()
  const { execution } = client.resultOf('workflow.execute', id)
  return { harness, host, client, execution }
}

function requireAll(harness: CoreHarness): void {
  const asked = prompts(harness).sort()
  if (asked.join('\n') !== [...PROMPTS].sort().join('\n')) throw new Error(asked.join('\n'))
}

let lives = 1

/** Each life of the broker has randomness of its own. */
function restarted(harness: CoreHarness): CoreHarness {
  lives += 1
  return harness.restart({ seed: lives })
}

/** How many commits after the last kill the broker is killed again. */
const kills = fc.array(fc.integer({ min: 0, max: 12 }), { minLength: 1, maxLength: MAX_KILLS })

t.test('wherever the broker is killed, each step is asked once', (t) => {
  let commits = 0
  fc.assert(
    fc.property(kills, (cuts) => {
      const begun = begin()
      const { host, execution } = begun
      let { harness } = begun
      for (const cut of cuts) {
        playOn(harness, host, cut)
        harness = restarted(harness)
        host.moveTo(harness)
      }
      playOn(harness, host)
      const info = infoOf(new Client(harness), execution)
      if (info.status !== 'completed') throw new Error(JSON.stringify(info))
      requireAll(harness)
      const told = tidings(harness, execution)
      if (new Set(told).size !== 12 || told.length !== 12) throw new Error(told.join('\n'))
      commits += cuts.reduce((sum, cut) => sum + cut, 0)
    }),
    { numRuns: 200 },
  )
  t.ok(commits > 0)
  t.end()
})

t.test('when the host dies with the broker, only the turns that ran are lost', (t) => {
  const ends = { completed: 0, failed: 0 }
  fc.assert(
    fc.property(kills, (cuts) => {
      const begun = begin()
      let { harness, host } = begun
      for (const cut of cuts) {
        playOn(harness, host, cut)
        harness = restarted(harness)
        host = new LivingHost(harness) // with no session
      }
      playOn(harness, host)
      const info = infoOf(new Client(harness), begun.execution)
      const codes = info.steps.flatMap(({ error }) => (error ? [error.code] : []))
      if (info.status !== 'completed' && info.status !== 'failed') throw new Error(info.status)
      ends[info.status] += 1
      const isRight =
        info.status === 'completed'
          ? codes.length === 0
          : codes.length > 0 &&
            codes.every((code) => code === 'TURN_FAILED' || code === 'AGENT_GONE')
      if (!isRight) throw new Error(JSON.stringify(info))
      const asked = prompts(harness)
      if (new Set(asked).size !== asked.length) throw new Error(`twice: ${asked.join('\n')}`)
    }),
    { numRuns: 200 },
  )
  t.ok(ends.completed > 0 && ends.failed > 0, JSON.stringify(ends))
  t.end()
})

t.test('a write that fails is made again, and nothing is asked twice', (t) => {
  fc.assert(
    fc.property(kills, (cuts) => {
      const { harness, host, client, execution } = begin()
      for (const cut of cuts) {
        playOn(harness, host, cut)
        harness.journal.refusesAll = true
        harness.advance(50)
        harness.commit()
        harness.commit()
        harness.journal.refusesAll = false
        harness.settle()
        host.resend()
      }
      playOn(harness, host)
      const info = infoOf(client, execution)
      if (info.status !== 'completed') throw new Error(JSON.stringify(info))
      requireAll(harness)
    }),
    { numRuns: 200 },
  )
  t.pass('200 runs')
  t.end()
})

t.test('a repeated request finds its execution, also after a restart in the middle', (t) => {
  const { harness, client } = setUp({ durability: 'manual' })
  const params = { steps: [own('a', 'x')] }
  client.ask('workflow.execute', params, { key: 'k' })
  harness.commit()
  const again = harness.restart()
  const other = new Client(again)
  const { execution } = other.call('workflow.execute', params, { key: 'k' })
  t.equal(other.call('workflow.list', {}).total, 1)
  t.equal(infoOf(other, execution).status, 'running')
  t.end()
})

t.test('a deadline goes on over a restart, and a clock that went back gives no time away', (t) => {
  for (const { jumpedMs, leftMs } of [
    { jumpedMs: 50_000, leftMs: 10_000 },
    { jumpedMs: -86_400_000, leftMs: 60_000 },
  ]) {
    const { harness, client: first } = setUp()
    const steps = [own('a', 'x', { deadline_ms: 60_000 })]
    const { execution } = first.call('workflow.execute', { steps })
    const session = infoOf(first, execution).steps[0]?.session ?? ''
    const later = harness.restart({ jumpedMs })
    new Host(later).register({ session, epoch: 1, produced: 0, turn: 1, pid: 4711 })
    const client = new Client(later)
    later.advance(leftMs - 100)
    t.equal(infoOf(client, execution).status, 'running')
    later.advance(200)
    t.match(infoOf(client, execution), { status: 'failed', reason: /deadline/ })
  }
  t.end()
})

t.test('too many are refused, and the oldest that ended go with their streams', (t) => {
  const limits = { maxRunning: 1, maxEnded: 2, endedAgeMs: 60_000 }
  const { harness, client, host } = setUp({
    limits: { workflows: { ...limits, hostWaitMs: 1, slotWaitMs: 1, maxStarts: 1 } },
  })
  const answerer = new Answerer(host)
  const steps = [own('a', 'x', { keep: true })]
  const run = (): string => client.call('workflow.execute', { steps }).execution
  const first = run()
  t.match(client.failure('workflow.execute', { steps }), { code: 'TOO_MANY_WORKFLOWS' })
  answerer.answerAll()
  for (let n = 0; n < 2; n += 1) {
    run()
    answerer.answerAll()
  }
  harness.advance(2000)
  t.equal(client.call('workflow.list', {}).total, 2)
  t.match(client.failure('workflow.get', { execution: first }), { code: 'NO_SUCH_WORKFLOW' })
  t.strictSame(tidings(harness, first), [])
  t.strictSame([...harness.journal.entries('workflow_texts')].length, 4)
  harness.skip(61_000)
  t.equal(client.call('workflow.list', {}).total, 0)
  t.strictSame([...harness.journal.entries('workflow_texts')], [])
  t.end()
})
