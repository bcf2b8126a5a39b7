import t from 'tap'
import { GroupCommit } from '../../broker/journal/group-commit.ts'
import { ProtocolError } from '../../protocol/errors.ts'

const LIMITS = { maxCommitOperations: 100, maxCommitBytes: 100 }

/** A queue whose commits end when the test says so, and what happened to each write. */
function fixture() {
  const groups: string[][] = []
  const outcomes: string[] = []
  let commits: PromiseWithResolvers[] = []
  const queue = new GroupCommit<string>((writes) => {
    groups.push(writes.flatMap((write) => write.operations))
    const commit = withResolvers()
    commits.push(commit)
    return commit.promise
  }, LIMITS)
  const add = (name: string, grows = true): void => {
    const durable = (error: Error | undefined): void => {
      outcomes.push(`${name} ${error instanceof ProtocolError ? error.code : 'durable'}`)
    }
    queue.add({ operations: [name], bytes: 1, grows, durable })
  }
  /** Ends the commit under way and waits until the next one starts or the queue is idle. */
  const end = async (error?: Error): Promise<void> => {
    const [commit] = commits
    commits = []
    if (error) commit?.reject(error)
    else commit?.resolve()
    await new Promise(setImmediate)
  }
  const begin = (): Promise<void> => new Promise(setImmediate)
  return { add, begin, end, groups, outcomes, queue }
}

interface PromiseWithResolvers {
  readonly promise: Promise<void>
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

function withResolvers(): PromiseWithResolvers {
  let resolve = (): void => {}
  let reject = (_error: Error): void => {}
  const promise = new Promise<void>((accept, refuse) => {
    resolve = accept
    reject = refuse
  })
  return { promise, resolve, reject }
}

t.test('what gathers while a commit is under way goes into the next one', async (t) => {
  const { add, begin, end, groups, outcomes } = fixture()
  add('a')
  add('b')
  await begin()
  add('c')
  add('d')
  t.same(groups, [['a', 'b']])
  t.same(outcomes, [], 'nothing is called back before its commit ends')
  await end()
  t.same(outcomes, ['a durable', 'b durable'])
  t.same(groups, [
    ['a', 'b'],
    ['c', 'd'],
  ])
})

t.test('a failed commit fails what was given behind it, and not what comes after', async (t) => {
  const { add, begin, end, outcomes, queue } = fixture()
  add('a')
  await begin()
  add('b')
  add('c', false)
  await end(new Error('the disk is gone'))
  t.same(outcomes, ['a STORAGE_FAILED', 'b STORAGE_FAILED', 'c STORAGE_FAILED'])
  add('d')
  await begin()
  await end()
  t.equal(outcomes.at(-1), 'd durable')
  await queue.idle()
})

t.test('for want of room, writes that only free some are tried by themselves', async (t) => {
  const { add, begin, end, groups, outcomes } = fixture()
  add('a')
  add('b', false)
  await begin()
  add('c')
  add('d', false)
  await end(new ProtocolError('STORAGE_FULL', { reason: 'test' }))
  t.same(outcomes, ['a STORAGE_FULL', 'c STORAGE_FULL'])
  t.same(groups.at(-1), ['b', 'd'])
  await end(new ProtocolError('STORAGE_FULL', { reason: 'test' }))
  t.same(outcomes.slice(2), ['b STORAGE_FULL', 'd STORAGE_FULL'], 'and not for ever')
})
