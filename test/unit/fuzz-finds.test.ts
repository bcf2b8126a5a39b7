/** A fuzzer that finds nothing proves nothing: here defects are planted, and it has to find them. */
import t from 'tap'
import { METHOD_HANDLERS } from '../../broker/core/methods/index.ts'
import { decodeBundle } from '../../protocol/bundle.ts'
import { EMPTY } from '../../protocol/codec.ts'
import { replay } from '../fuzz/attempt.ts'
import { formatCase, parseCase, sizeOf } from '../fuzz/case.ts'
import { minimize } from '../fuzz/minimize.ts'
import { Random } from '../fuzz/random.ts'
import { type Finding, runTarget } from '../fuzz/run.ts'
import type { Target } from '../fuzz/target.ts'
import { bundleTarget } from '../fuzz/targets/bundle.ts'
import { coreTarget } from '../fuzz/targets/core.ts'

/** As decodeBundle, but it trips over one kind of head with one kind of value. */
function trips(frames: readonly Uint8Array[]) {
  const received = decodeBundle(frames)
  for (const entry of received) {
    if (!entry.ok || entry.message.head.kind !== 'CREDIT') continue
    if (entry.message.head.bytes === 2 ** 32) throw new TypeError('it wraps')
  }
  return received
}

/** What it finds first, in so many cases. */
async function firstFinding(target: Target, cases: number): Promise<Finding | undefined> {
  let first: Finding | undefined
  await runTarget(target, {
    seed: 1,
    cases,
    minimizeMs: 60_000, // as long as it takes, also where much else runs
    isOver: () => first !== undefined,
    onFinding: (finding) => {
      first ??= finding
    },
  })
  return first
}

t.test('a decoder that throws at one kind of input is found, and the case cut down', async (t) => {
  const target = bundleTarget(1, trips)
  const finding = await firstFinding(target, 20_000)
  t.match(finding?.problem.text, /TypeError: it wraps/)
  t.ok(finding?.isReproduced)
  t.ok(finding && sizeOf(finding.input) <= 64, 'little more than the head that it trips over')
  const again = await firstFinding(target, 20_000)
  t.same(again?.input, finding?.input, 'the same seed finds the same')
  t.equal(await replay(bundleTarget(1), [finding?.input ?? []]), undefined, 'it was the plant')
})

/** Puts another handler in the place of one method, until the test ends. */
function plant<M extends keyof typeof METHOD_HANDLERS>(
  t: Tap,
  method: M,
  make: (original: (typeof METHOD_HANDLERS)[M]) => (typeof METHOD_HANDLERS)[M],
): void {
  const handlers = METHOD_HANDLERS as { [N in M]: (typeof METHOD_HANDLERS)[N] }
  const original = handlers[method]
  handlers[method] = make(original)
  t.teardown(() => {
    handlers[method] = original
  })
}

type Tap = Pick<typeof t, 'teardown'>

t.test('a method that answers twice is found in a broker', async (t) => {
  plant(t, 'system.info', (original) => (core, call) => {
    original(core, call)
    core.send(call.connection, { kind: 'REPLY', id: 'twice' }, EMPTY)
  })
  const finding = await firstFinding(coreTarget(1), 1000)
  t.match(finding?.problem.text, /the id "twice" has 1 ends/)
})

t.test('a method that throws at one kind of parameter is found in a broker', async (t) => {
  plant(t, 'state.get', (original) => (core, call) => {
    if (call.params.key === 'k2') throw new TypeError('Cannot read properties of undefined')
    original(core, call)
  })
  const finding = await firstFinding(coreTarget(1), 1000)
  t.match(finding?.problem.text, /Cannot read properties/)
  t.ok(finding?.isReproduced)
})

t.test('a method that never answers is found when the broker ends', async (t) => {
  plant(t, 'task.list', () => (_core, call) => call.persist([], () => undefined))
  const finding = await firstFinding(coreTarget(1), 200)
  t.match(finding?.problem.text, /has no end|do not end/)
})

t.test('what only the cases before show is found as all of them together', async (t) => {
  const target: Target = {
    name: 'counting',
    about: 'it fails at its third A',
    lifetime: 100,
    generate: (random) => [Buffer.from(random.pick(['A', 'B', 'C']))],
    join: (cases) => cases.flat(),
    open: () => {
      let count = 0
      return {
        run: (pieces) => {
          for (const piece of pieces) if (piece.toString() === 'A') count += 1
          if (count >= 3) throw new Error('the third A')
        },
      }
    },
  }
  const finding = await firstFinding(target, 100)
  t.same(finding?.input.map(String), ['A', 'A', 'A'])
  t.ok(finding?.isReproduced)
})

t.test('cutting down keeps what matters and nothing else', async (t) => {
  const fails = async (input: readonly Buffer[]) => Buffer.concat(input).includes('X')
  const input = [Buffer.from('abc'), Buffer.from('deXfg'), Buffer.from('hij')]
  const least = await minimize(input, { fails, maxTries: 1000, isOver: () => false })
  t.same(least, [Buffer.from('X')])
})

t.test('a case survives its file, comments and all', async (t) => {
  const input = [Buffer.from([0, 255]), Buffer.alloc(0), Buffer.from('abc')]
  t.same(parseCase(formatCase(input, 'what it is\nand where')), input)
  t.same(parseCase('# nothing\n'), [])
  t.throws(() => parseCase('xyz'), /no hex/)
})

t.test('the same seed makes the same cases, and another seed others', async (t) => {
  const cases = (seed: number) => {
    const target = bundleTarget(seed)
    const make = (index: number) => target.generate(Random.ofCase(seed, 'bundle', index))
    return Array.from({ length: 50 }, (_, index) => make(index))
  }
  t.same(cases(1), cases(1))
  t.notSame(cases(1), cases(2))
})
