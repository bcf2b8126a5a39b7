import t, { type Test } from 'tap'
import { openLmdbJournal } from '../../broker/journal/lmdb-journal.ts'
import { chunk, type JournalFixture, journalContract } from '../support/journal-contract.ts'
import { flipBit } from '../support/journal-files.ts'
import { MemoryJournal } from '../support/memory-journal.ts'

function memoryFixture(journal: MemoryJournal): JournalFixture {
  return {
    journal,
    reopen: async () => memoryFixture(journal.crash()),
    damage: async (session, sequence) => {
      journal.damage(session, sequence)
      return memoryFixture(journal.crash())
    },
    setFull: (isFull) => {
      journal.isFull = isFull
    },
  }
}

function lmdbFixture(t: Test, directory: string): JournalFixture {
  let free = Number.MAX_SAFE_INTEGER
  const journal = openLmdbJournal({ directory, freeBytes: () => free })
  t.teardown(() => journal.close())
  const reopen = async () => {
    await journal.close()
    return lmdbFixture(t, directory)
  }
  return {
    journal,
    reopen,
    damage: async (_session, sequence) => {
      await journal.close()
      flipBit(directory, chunk(sequence).body)
      return lmdbFixture(t, directory)
    },
    setFull: (isFull) => {
      free = isFull ? 0 : Number.MAX_SAFE_INTEGER
    },
  }
}

t.test('the journal in memory', async (t) => {
  journalContract(t, () => memoryFixture(new MemoryJournal({ durability: 'microtask' })))
})

t.test('the journal on LMDB', async (t) => {
  journalContract(t, (t) => lmdbFixture(t, t.testdir()))
})

t.test('a crash in memory forgets what was not committed', async (t) => {
  const journal = new MemoryJournal({ durability: 'manual' })
  const acknowledged: number[] = []
  const append = (sequence: number) =>
    journal.write([{ op: 'append', session: 's', chunk: chunk(sequence) }], () => {
      acknowledged.push(sequence)
    })
  append(1)
  journal.commit()
  append(2)
  const after = journal.crash()
  journal.commit()
  t.same(acknowledged, [1])
  t.equal(after.head('s').sequence, 1)
  t.throws(() => append(3), { code: 'STORAGE_FAILED' })
})
