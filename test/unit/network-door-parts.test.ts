/** The parts of the door for other machines that decide: when it is shut, who connects too often, what is noted. */
import { randomBytes } from 'node:crypto'
import t from 'tap'
import { ConnectRates } from '../../broker/access/connect-rates.ts'
import { DoorGuard, GUARD_TIMES } from '../../broker/access/door-guard.ts'
import { DoorNotes } from '../../broker/access/door-notes.ts'
import { OpenPipes } from '../../broker/access/open-pipes.ts'
import type { Note } from '../../broker/core/audit/entry.ts'
import { Knockers } from '../../broker/core/knockers.ts'
import { openFilesLimit, processLoad } from '../../broker/process-load.ts'
import { Turn } from '../../broker/turn.ts'
import { z85Encode } from '../../protocol/keys/z85.ts'

const newKey = () => z85Encode(randomBytes(32))
const MB = 1024 * 1024

const guard = () =>
  new DoorGuard({
    ...GUARD_TIMES,
    ...{ maxOpenFiles: 100, maxNativeBytes: 500 * MB },
  })
const load = (openFiles: number, nativeMb: number) => ({ openFiles, nativeBytes: nativeMb * MB })

t.test('open files and memory outside of JavaScript end all connections for a while', (t) => {
  for (const [reason, much] of [
    ['open_files', load(101, 50)],
    ['native_memory', load(10, 551)],
  ] as const) {
    const door = guard()
    door.look(load(10, 50), 0)
    t.equal(door.look(load(100, 550), 100), undefined)
    t.same(door.look(much, 200), { step: 'shut', reason, pauseMs: 1000 })
    t.notOk(door.isOpen)
    t.equal(door.look(much, 1199), undefined)
    t.same(door.look(load(10, 50), 1200), { step: 'open' })
    t.ok(door.isOpen)
    t.same(
      door.look(much, 1300),
      { step: 'shut', reason, pauseMs: 2000 },
      'the next time for longer',
    )
  }
  t.end()
})

t.test('what is still there when the door opens counts as there from before', (t) => {
  const door = guard()
  door.look(load(10, 50), 0)
  door.look(load(10, 600), 100)
  t.same(door.look(load(10, 600), 1100), { step: 'open' })
  t.equal(door.look(load(10, 1100), 1200), undefined)
  t.match(door.look(load(10, 1101), 1300), { step: 'shut' })
  t.end()
})

t.test('pauses have a longest one, and begin anew after a calm time', (t) => {
  const door = guard()
  const pauses: number[] = []
  let now = 0
  for (let count = 0; count < 8; count += 1) {
    door.flooded('frames')
    const step = door.look(load(1, 1), now)
    if (step?.step === 'shut') pauses.push(step.pauseMs)
    now += 60_000
    t.same(door.look(load(1, 1), now), { step: 'open' })
  }
  t.same(pauses, [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000])
  door.flooded('subscriptions')
  const calm = door.look(load(1, 1), now + GUARD_TIMES.calmMs)
  t.same(calm, { step: 'shut', reason: 'subscriptions', pauseMs: 1000 })
  t.end()
})

t.test('a flood that is told of while the door is shut is of before', (t) => {
  const door = guard()
  door.flooded('frames')
  door.look(load(1, 1), 0)
  door.flooded('frames')
  t.same(door.look(load(1, 1), 1000), { step: 'open' })
  t.equal(door.look(load(1, 1), 1100), undefined)
  t.end()
})

t.test('memory that is not given back may come to so much, then nobody is let in', (t) => {
  const door = guard()
  door.look(load(1, 50), 0)
  t.match(door.look(load(1, 600), 0), { step: 'shut' })
  t.match(door.look(load(1, 600), 60_000), { step: 'open' })
  t.match(door.look(load(1, 1200), 60_000), { step: 'shut' })
  for (const at of [120_000, 200_000, 300_000]) {
    t.equal(door.look(load(1, 1200), at), undefined, 'more than twice of what may be used')
  }
  t.match(door.look(load(1, 700), 400_000), { step: 'open' }, 'unless it is given back')
  t.end()
})

t.test('where nobody tells the load the door stays open', (t) => {
  const door = guard()
  const unknown = { openFiles: undefined, nativeBytes: undefined }
  for (let now = 0; now < 1000; now += 100) t.equal(door.look(unknown, now), undefined)
  t.end()
})

t.test('the load of this process is told on Linux', { skip: process.platform !== 'linux' }, (t) => {
  const { openFiles = 0, nativeBytes = -1 } = processLoad()
  t.ok(openFiles > 3 && openFiles < (openFilesLimit() ?? 0), `${openFiles} files`)
  t.ok(nativeBytes >= 0 && nativeBytes < 1024 * MB, `${nativeBytes} bytes`)
  t.end()
})

t.test('a key that connects too often has to wait, others do not', (t) => {
  const rates = new ConnectRates({ perSecond: 10, burst: 3 })
  for (const expected of [true, true, true, false]) t.equal(rates.take('a', 0), expected)
  t.ok(rates.take('b', 0))
  t.ok(rates.take('a', 100))
  t.notOk(rates.take('a', 100))
  t.end()
})

t.test('a key that is barred may not connect until its time is over', (t) => {
  const rates = new ConnectRates({ perSecond: 10, burst: 3 })
  rates.bar('a', 1000)
  t.notOk(rates.take('a', 999))
  t.ok(rates.take('b', 999))
  t.ok(rates.take('a', 1000))
  t.end()
})

t.test('keys that rest are not remembered', (t) => {
  const rates = new ConnectRates({ perSecond: 10, burst: 3 })
  for (let count = 0; count < 10_000; count += 1) rates.take(`${count}`, count * 100)
  t.ok(rates.size <= 1024, `${rates.size} keys`)
  t.end()
})

t.test('connections of a key are counted by what the transport tells of each twice', (t) => {
  const pipes = new OpenPipes()
  pipes.notified('n:1', 'a')
  pipes.notified('n:2', 'a')
  pipes.notified('n:3', 'b')
  t.same([pipes.countOf('a'), pipes.countOf('b'), pipes.countOf('c')], [2, 1, 0])
  t.notOk(pipes.hasClosed('n:1'))
  pipes.notified('n:1', 'a')
  t.equal(pipes.countOf('a'), 1)
  t.ok(pipes.hasClosed('n:1'))
  pipes.notified('n:1', 'a') // says the peer itself, as ids are used once
  t.equal(pipes.countOf('a'), 1)
  pipes.clear()
  t.notOk(pipes.hasClosed('n:1'))
  t.same([pipes.countOf('a'), pipes.countOf('b')], [0, 0])
  t.end()
})

t.test('of connections that have closed the last ones are remembered', (t) => {
  const pipes = new OpenPipes()
  for (let number = 0; number <= 4096; number += 1) {
    pipes.notified(`n:${number}`, 'a')
    pipes.notified(`n:${number}`, 'a')
  }
  t.notOk(pipes.hasClosed('n:0'))
  t.ok(pipes.hasClosed('n:1'))
  t.ok(pipes.hasClosed('n:4096'))
  t.end()
})

/** What is noted, by a clock that the test moves. */
function notes() {
  const lines: [event: string, fields: Readonly<Record<string, unknown>>][] = []
  const reached: string[] = []
  const told: Note[] = []
  const refused: Note[] = []
  const knockers = new Knockers(randomBytes)
  const clock = { now: 0 }
  const log = (fields: Readonly<Record<string, unknown>>, event: string) =>
    lines.push([event, fields])
  const made = new DoorNotes({
    knockers: () => knockers,
    now: () => clock.now,
    wall: () => clock.now,
    log: { info: log, warn: log },
    connected: () => ['anna', 'anna', 'bob'],
    onLimit: (name) => reached.push(name),
    ownerOf: () => 'anna',
    audit: { note: (note) => told.push(note), noteRefusal: (note) => refused.push(note) },
  })
  return { made, lines, reached, knockers, clock, told, refused }
}

t.test('the first knock of a key is a line in the log, a flood of them is few', (t) => {
  const { made, lines, clock, knockers } = notes()
  const key = newKey()
  for (let count = 0; count < 3; count += 1) made.decided('later', key, '10.0.0.1')
  t.match(lines, [['unknown key knocked', { address: '10.0.0.1' }]])
  for (let count = 0; count < 1000; count += 1) made.decided('later', newKey(), '10.0.0.2')
  t.equal(lines.length, 20)
  clock.now = 10_000
  made.decided('later', newKey(), '10.0.0.3')
  t.match(lines.at(-1), ['unknown key knocked', { unsaid: 981 }], 'and how many were not said')
  t.equal(made.answers.get('later'), 1004)
  t.ok(knockers.size > 1)
  t.end()
})

t.test('keys that are refused are noted, the one that is let in is not', (t) => {
  const { made, lines, reached, knockers, refused } = notes()
  for (const answer of ['accept', 'busy', 'never'] as const) made.decided(answer, newKey(), 'x')
  t.same(
    lines.map(([event]) => event),
    ['key connects too often', 'revoked key was refused'],
  )
  t.same(reached, ['key_connects'])
  t.match(refused, [
    { event: 'connection.refused', outcome: 'OVERLOADED', principal: 'anna' },
    { event: 'connection.refused', outcome: 'KEY_REVOKED', details: { address: 'x' } },
  ])
  t.equal(knockers.size, 0, 'they do not wait for an operator')
  t.end()
})

t.test('when the door is shut the log says why, and who was connected', (t) => {
  const { made, lines, reached, told } = notes()
  const load = { openFiles: 7, nativeBytes: 8 }
  made.moved({ step: 'shut', reason: 'frames', pauseMs: 1000 }, load)
  made.moved({ step: 'open' }, load)
  t.match(lines, [
    [
      'network shut, to protect this machine',
      { reason: 'frames', openFiles: 7, principals: ['anna', 'bob'] },
    ],
    ['network open again', {}],
  ])
  t.same(reached, ['frames'])
  t.match(told, [
    { event: 'network.shut', details: { reason: 'frames', pause_ms: 1000 } },
    { event: 'network.opened' },
  ])
  t.end()
})

t.test('a turn is over after so many frames, or so much work', (t) => {
  const turn = new Turn({ frames: 9, workMs: 10 })
  t.same([turn.isOver(3, 1), turn.isOver(3, 1), turn.isOver(3, 1)], [false, false, true])
  t.same([turn.isOver(3, 9), turn.isOver(3, 2)], [false, true])
  t.same([turn.isOver(3, 11), turn.isOver(3, 1)], [true, false])
  t.same([turn.isOver(1000, 0), turn.isOver(3, 1)], [true, false], 'one message of many frames')
  t.end()
})
