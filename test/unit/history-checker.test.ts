/** The checker of fault runs: silent on good histories, loud on each kind of bad one. */
import t from 'tap'
import type { StreamItem } from '../../clients/sdk/index.ts'
import { toCalls } from '../chaos/archive.ts'
import { check } from '../chaos/checker.ts'
import type {
  CallHistory,
  CallLine,
  Execution,
  FollowHistory,
  SessionHistory,
} from '../chaos/history.ts'
import { schedule } from '../chaos/schedule.ts'

type Body = { type: string; turn?: number } & Record<string, unknown>

/** Chunks with the sequences 1, 2, 3 …, as a reader gets them. */
function stream(...bodies: readonly Body[]): StreamItem[] {
  return bodies.map((body, index) => ({ time: 0, turn: 1, ...body, seq: index + 1 }) as StreamItem)
}

const prompt = (text: string, turn = 1): Body => ({ type: 'prompt', text, principal: 'p', turn })
const text = (content: string, turn = 1): Body => ({ type: 'text', content, turn })
const end = (reason: string, turn = 1): Body => {
  return { type: 'turn_complete', turn_number: turn, reason, turn }
}
const complete = (signal?: string): Body => {
  const how = signal === undefined ? {} : { signal }
  return { type: 'complete', exit_code: null, session_id: 's', turn: 0, ...how }
}

const GOOD = stream(prompt('do 1'), text('1 '), text('2 '), end('end_turn'))
const RAN: Execution = { prompt: 'do 1', pieces: ['1 ', '2 '] }

function follower(items: readonly StreamItem[], more: Partial<FollowHistory> = {}): FollowHistory {
  const rest = { isFinal: true, isFinished: true, failure: undefined }
  return { name: 'f', from: 1, items, ...rest, ...more }
}

function call(more: Partial<CallHistory> = {}): CallHistory {
  return {
    call: 'c.1.1',
    method: 'session.prompt',
    session: 's',
    key: 'k',
    text: 'do 1',
    isAccepted: true,
    reply: { turn: 1, sequence: 1 },
    error: undefined,
    ends: 1,
    isCutOff: false,
    ...more,
  }
}

function rules(history: Partial<SessionHistory>): string[] {
  const good = { journal: GOOD, executions: [RAN], followers: [follower(GOOD)], calls: [call()] }
  return check({ session: 's', ...good, ...history }).map(({ rule }) => rule)
}

t.test('a good history has no violation', async (t) => {
  t.strictSame(rules({}), [])
})

t.test('a reader that came late, was killed early, or began in the middle is fine', async (t) => {
  const killed = follower(GOOD.slice(0, 2), { isFinal: false, isFinished: false })
  const late = follower(GOOD.slice(2), { from: 3 })
  t.strictSame(rules({ followers: [killed, late] }), [])
})

t.test('holes, repeats and swaps at a reader are found', async (t) => {
  const [one, two, three, four] = GOOD as [StreamItem, StreamItem, StreamItem, StreamItem]
  const bad = [
    [one, three, four],
    [one, two, two, three, four],
    [one, three, two, four],
    [one, two, { ...three, content: '3 ' } as StreamItem, four],
    [...GOOD, four],
    [one, { type: 'gap', from: 2, to: 2, reason: 'missing' } as const, three, four],
  ]
  for (const items of bad) {
    t.strictSame(rules({ followers: [follower(items)] }), ['every reader sees the journal'])
  }
})

t.test('a reader that stops before the end, or fails, is found', async (t) => {
  const short = follower(GOOD.slice(0, 3))
  t.strictSame(rules({ followers: [short] }), ['every reader comes to the end'])
  const failed = follower(GOOD, { failure: 'INTERNAL' })
  t.strictSame(rules({ followers: [failed] }), ['readers go on'])
})

t.test('a hole or a swap in the journal is found', async (t) => {
  const holed = GOOD.filter(({ type }) => type !== 'text')
  t.ok(rules({ journal: holed, followers: [] }).includes('no chunk lost'))
  const gap = { type: 'gap', from: 2, to: 3, reason: 'corrupt' } as const
  t.ok(rules({ journal: [...GOOD.slice(0, 1), gap], followers: [] }).includes('no chunk lost'))
})

t.test('text that the agent did not write, or that is missing, is found', async (t) => {
  const rule = 'the stream has what the agent wrote'
  const wrote = (...pieces: string[]) => rules({ executions: [{ prompt: 'do 1', pieces }] })
  t.strictSame(wrote('1 ', '3 '), [rule])
  t.strictSame(wrote('1 ', '2 ', '3 '), [rule])
  t.strictSame(wrote('1 '), [rule])
  t.strictSame(rules({ executions: [] }), [rule])
})

t.test(
  'a kill may cut off the end of a turn, but with a live host no more than a piece',
  async (t) => {
    const executions = [{ prompt: 'do 1', pieces: ['1 ', '2 ', '3 '] }]
    const after = (shown: readonly Body[], last: Body) => {
      const journal = stream(prompt('do 1'), ...shown, end('gone'), last)
      return rules({ journal, executions, followers: [] })
    }
    t.strictSame(after([text('1 ')], complete()), [], 'the host was killed')
    t.strictSame(after([text('1 '), text('2 ')], complete('SIGKILL')), [], 'the agent was killed')
    const lost = ['all that reached a live host is in the stream']
    t.strictSame(after([text('1 ')], complete('SIGKILL')), lost)
  },
)

t.test('a second execution is found, and one that is not in the stream', async (t) => {
  t.strictSame(rules({ executions: [RAN, RAN] }), ['at most one execution'])
  const other = { prompt: 'something else', pieces: [] }
  t.strictSame(rules({ executions: [RAN, other] }), ['nothing runs that is not in the stream'])
})

t.test('a turn without an end, with two, or that goes on after it is found', async (t) => {
  const journal = (...more: Body[]) => stream(prompt('do 1'), text('1 '), text('2 '), ...more)
  const found = (...more: Body[]) => rules({ journal: journal(...more), followers: [] })
  t.strictSame(found(), ['one end for each turn'])
  t.strictSame(found(end('end_turn'), end('gone')), ['one end for each turn'])
  t.ok(found(end('end_turn'), text('3 ')).includes('nothing after the end of a turn'))
})

t.test('an acknowledged prompt that is not in the stream is found', async (t) => {
  const lost = call({ key: 'k2', text: 'do 2', reply: undefined, isAccepted: true })
  t.strictSame(rules({ calls: [lost] }), ['nothing acknowledged is lost'])
  const elsewhere = call({ reply: { turn: 2, sequence: 9 } })
  t.strictSame(rules({ calls: [elsewhere] }), ['nothing acknowledged is lost'])
})

t.test('a request with no end or two is found, unless its client was killed', async (t) => {
  const rule = 'exactly one end for each request'
  t.strictSame(rules({ calls: [call({ ends: 2 })] }), [rule])
  t.strictSame(rules({ calls: [call({ ends: 0, reply: undefined })] }), [rule])
  t.strictSame(rules({ calls: [call({ ends: 0, reply: undefined, isCutOff: true })] }), [])
})

t.test('"not executed" of something that was executed is found', async (t) => {
  const denied = call({ reply: undefined, error: { code: 'WRONG_STATE', executed: 'no' } })
  t.strictSame(rules({ calls: [denied] }), ['"not executed" is true'])
  t.strictSame(rules({ calls: [denied, call()] }), [], 'it was made again and carried out then')
  const unknown = call({ reply: undefined, error: { code: 'HOST_LOST', executed: 'unknown' } })
  t.strictSame(rules({ calls: [unknown] }), [])
})

t.test('one key that became two turns is found', async (t) => {
  const twice = stream(
    ...[prompt('do 1'), text('1 '), text('2 '), end('end_turn')],
    ...[prompt('do 1', 2), text('1 ', 2), text('2 ', 2), end('end_turn', 2)],
  )
  t.ok(rules({ journal: twice, followers: [] }).includes('at most one turn for each key'))
})

t.test('lines of calls are joined; a new life cuts off what had not ended', async (t) => {
  const made = (id: string): CallLine => {
    return { type: 'call', call: id, method: 'session.list', session: 's', key: '', text: '' }
  }
  const calls = toCalls([
    { type: 'life', life: 1 },
    made('a'),
    made('b'),
    { type: 'accepted', call: 'a' },
    { type: 'reply', call: 'a', turn: 3, sequence: 4 },
    { type: 'life', life: 2 },
    made('c'),
    { type: 'error', call: 'c', code: 'BUSY', executed: 'no' },
  ])
  t.match(calls, [
    { call: 'a', isAccepted: true, ends: 1, reply: { turn: 3, sequence: 4 }, isCutOff: false },
    { call: 'b', isAccepted: false, ends: 0, isCutOff: true },
    { call: 'c', ends: 1, error: { code: 'BUSY', executed: 'no' }, isCutOff: false },
  ])
})

t.test('a seed gives the same faults every time, and another seed others', async (t) => {
  const of = (seed: number, rounds = 50) => schedule({ seed, rounds, doubles: 0.5 })
  t.strictSame(of(5), of(5))
  t.notSame(of(5), of(6))
  t.strictSame(of(5).slice(0, 20), of(5, 20), 'a shorter run is its beginning')
})

t.test('a second fault has another victim, and comes as often as was asked for', async (t) => {
  const victim = (fault: string | undefined) => fault?.split(' ')[0]
  const rounds = schedule({ seed: 1, rounds: 400, doubles: 0.5 })
  for (const { fault, second } of rounds) t.not(victim(second?.fault), victim(fault))
  const doubles = rounds.filter(({ second }) => second).length
  t.ok(doubles > 150 && doubles < 250, `${doubles} of 400`)
  const none = schedule({ seed: 1, rounds: 400, doubles: 0 })
  t.notOk(none.some(({ second }) => second))
  const faults = ['net cut', 'net refuse'] as const
  const alike = schedule({ seed: 1, rounds: 50, doubles: 1, faults })
  t.notOk(
    alike.some(({ second }) => second),
    'there is no other victim',
  )
})
