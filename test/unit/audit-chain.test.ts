/** The chain of the audit log: the bytes that are hashed, and which changes a check finds. */
import fc from 'fast-check'
import t from 'tap'
import { AuditChain } from '../../broker/core/audit/chain.ts'
import type { Entry } from '../../broker/core/audit/entry.ts'
import { recordOf } from '../../broker/core/audit/record.ts'
import { AuditCheck, canonical, GENESIS, recordHash } from '../../protocol/audit-chain.ts'
import { auditReport, auditText, parseHead } from '../../protocol/audit-report.ts'
import { decodeBody } from '../../protocol/codec.ts'
import type { AuditRecord } from '../../protocol/messages/audit.ts'
import { CHUNK_CODES, CHUNKS } from '../../protocol/messages/chunk.ts'
import { checked } from '../support/audit.ts'

const TIME = 1_760_000_000_000

function newChain(): AuditChain {
  return new AuditChain({
    head: () => ({ sequence: 0, producerSequence: 0 }),
    read: () => ({ chunks: [], gaps: [], next: 1 }),
  })
}

/** As a reader gets them, out of the bytes of the journal. */
function sealed(entries: readonly Entry[]): AuditRecord[] {
  const chain = newChain()
  return entries.map((entry, index) => {
    const place = { seq: index + 1, time: TIME + index }
    const body = chain.seal(entry, place)
    decodeBody(CHUNKS.audit, body)
    const chunk = { sequence: place.seq, producerSequence: 0, time: place.time, turn: 0 }
    const record = recordOf({ ...chunk, type: CHUNK_CODES.audit, body })
    if (!record) throw new Error('it is no record')
    return record
  })
}

const done = (target: string): Entry => ({
  ...{ principal: 'anna', method: 'state.set', target, outcome: 'done', executed: 'yes' },
})
const letters = ['a', 'b', 'c', 'd', 'e', 'f'].map(done)

t.test('a record is hashed as RFC 8785 writes it', (t) => {
  const record = {
    ...{ seq: 1, time: 1_760_000_000_123, principal: 'anna é👋\u2028\u007f', via: 'shim' },
    ...{ method: 'session.prompt', session: '0b7c1d52-6a52-4f0e-9a53-0c5a8b1f2d3e' },
    ...{ target: 'a"b\\c\n\u0001', key: '2PmzjkH91LnxZy4QHsa2ItA65ONeLwSTO75HnZw52IM' },
    ...{ outcome: 'done', executed: 'yes', details: { 10: 2, 9: 1, software: 'agentmq' } },
    prev: GENESIS,
  }
  t.equal(
    canonical(record),
    '{"details":{"10":2,"9":1,"software":"agentmq"},"executed":"yes",' +
      '"key":"2PmzjkH91LnxZy4QHsa2ItA65ONeLwSTO75HnZw52IM","method":"session.prompt","outcome":"done",' +
      `"prev":"${GENESIS}","principal":"anna é👋\u2028\u007f","seq":1,` +
      '"session":"0b7c1d52-6a52-4f0e-9a53-0c5a8b1f2d3e","target":"a\\"b\\\\c\\n\\u0001",' +
      '"time":1760000000123,"via":"shim"}',
  )
  // The same by the json and hashlib modules of Python.
  const hash = '1c2955d9912e4acfd8c2117fe082b955c9c61d54fecbc16e2bff9f4478215cea'
  t.equal(recordHash(record), hash)
  t.end()
})

t.test('the first record follows 64 zeros, and each holds the hash of the one before', (t) => {
  const records = sealed(letters)
  t.equal(records[0]?.prev, GENESIS)
  for (const [index, { prev }] of records.slice(1).entries()) {
    t.equal(prev, records[index]?.hash)
  }
  const { isIntact, count, first, last } = checked(records)
  t.same([isIntact, count, first?.seq, last?.seq], [true, 6, 1, 6])
  t.end()
})

t.test('whatever texts a record has, it comes out of the journal as it was hashed', (t) => {
  const text = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({
      unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)),
    }),
    fc.string({ minLength: 250, maxLength: 300 }),
  )
  const number = fc.oneof(fc.integer(), fc.double({ min: -1e6, max: 1e6, noNaN: true }))
  const details = fc.dictionary(fc.constantFrom('a', 'b', '10', '9'), fc.oneof(text, number))
  const entry = fc.record(
    { principal: text, via: text, session: text, target: text, details, since: number },
    { requiredKeys: ['principal'] },
  )
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1, maxLength: 4 }), (entries) => {
      const rest = { method: 'm', outcome: 'done', executed: 'yes' } as const
      const records = sealed(entries.map((one) => ({ ...one, ...rest })))
      const { breaks } = checked(records)
      if (breaks.length > 0) throw new Error(JSON.stringify(breaks))
    }),
    { numRuns: 500 },
  )
  t.pass('500 runs')
  t.end()
})

t.test('any change of any field is found, at its record or at the next one', (t) => {
  const records = sealed(letters)
  const fields = Object.keys(records[2] ?? {}) as (keyof AuditRecord)[]
  t.ok(fields.length >= 9)
  for (const field of fields) {
    const changed = records.map((record, index) => {
      if (index !== 2) return record
      return { ...record, [field]: other(record[field]) }
    })
    const [first] = checked(changed).breaks
    t.ok(first && [3, 4].includes(first.seq), `${field}: ${JSON.stringify(first)}`)
  }
  t.end()
})

function other(value: AuditRecord[keyof AuditRecord]): unknown {
  if (typeof value === 'number') return value + 1
  const text = typeof value === 'string' ? value : ''
  return `${text.slice(0, -1)}${text.endsWith('0') ? '1' : '0'}`
}

t.test('a field that was added or taken away is found', (t) => {
  const records = sealed(letters)
  const added = records.map((one, index) => (index === 2 ? { ...one, via: 'nobody' } : one))
  t.match(checked(added).breaks, [{ seq: 3, what: /content/ }])
  const { target: _, ...without } = records[2] as AuditRecord
  const less = records.map((one, index) => (index === 2 ? (without as AuditRecord) : one))
  t.match(checked(less).breaks, [{ seq: 3, what: /content/ }])
  t.end()
})

t.test('a record whose hash was made anew does not fit the next one', (t) => {
  const records = sealed(letters)
  const { hash: _, ...content } = { ...records[2], principal: 'nobody' } as AuditRecord
  const forged = { ...content, hash: recordHash(content) }
  const { breaks } = checked(records.map((one, index) => (index === 2 ? forged : one)))
  t.match(breaks, [{ seq: 4, what: /does not hold the hash of 3/ }])
  t.end()
})

t.test('records that are missing, repeated or out of order are found', (t) => {
  const [a, b, c, d] = sealed(letters) as [AuditRecord, AuditRecord, AuditRecord, AuditRecord]
  t.match(checked([a, b, d]).breaks, [{ seq: 4, what: /where 3 was due/ }])
  t.match(checked([a, b, b, c]).breaks[0], { seq: 2, what: /where 3 was due/ })
  t.match(checked([a, c, b, d]).breaks[0], { seq: 3, what: /where 2 was due/ })
  const chain = newChain()
  const restarted = chain.seal(done('z'), { seq: 3, time: TIME })
  const other = decodeBody(CHUNKS.audit, restarted)
  t.match(checked([a, b, { ...other, seq: 3, time: TIME }]).breaks, [{ seq: 3 }])
  t.end()
})

t.test('what is no record is named, and the check goes on behind it', (t) => {
  const records = sealed(letters)
  const check = new AuditCheck()
  for (const [index, record] of records.entries()) {
    check.record(index === 2 ? undefined : record, index + 1)
  }
  t.match(check.breaks, [{ seq: 3, what: /no audit record/ }])
  t.equal(check.count, 6)
  const odd = { ...records[0], extra: 10n }
  t.match(checked([odd as unknown as AuditRecord]).breaks, [{ seq: 1, what: /content/ }])
  t.end()
})

t.test('what retention took is no break, what cannot be read is one', (t) => {
  const records = sealed(letters)
  const kept = new AuditCheck()
  kept.gap({ from: 1, to: 3, reason: 'retention' })
  for (const record of records.slice(3)) kept.record(record, record.seq)
  kept.end()
  t.ok(kept.isIntact)
  t.same(kept.anchor, records[2]?.hash)
  t.match(auditText(auditReport(kept)), `3 had the hash ${records[2]?.hash}`)
  const damaged = new AuditCheck()
  for (const record of records) {
    if (record.seq === 4) damaged.gap({ from: 4, to: 4, reason: 'corrupt' })
    else damaged.record(record, record.seq)
  }
  t.match(damaged.breaks, [{ seq: 4, what: /cannot be read/ }])
  t.end()
})

t.test('a head that was kept elsewhere has to be part of the chain', (t) => {
  const records = sealed(letters)
  const at = (seq: number) => ({ seq, hash: records[seq - 1]?.hash ?? '' })
  t.ok(checked(records, [at(1), at(4), at(6)]).isIntact)
  const kept = records.slice(3)
  t.ok(checked(kept, [at(3)]).isIntact, 'the last one that is gone is known by its hash')
  t.match(checked(kept, [at(2)]).breaks, [{ seq: 2, what: /not kept any more/ }])
  t.match(checked(kept, [{ seq: 3, hash: GENESIS }]).breaks, [{ seq: 3, what: /not expected/ }])
  t.match(checked(records, [{ seq: 4, hash: GENESIS }]).breaks, [{ seq: 4, what: /not expected/ }])
  t.match(checked(records.slice(0, 3), [at(5)]).breaks, [{ seq: 5, what: /the log ends at 3/ }])
  const rewritten = sealed(['a', 'x', 'c', 'd', 'e', 'f'].map(done))
  t.ok(checked(rewritten).isIntact, 'whoever writes the whole chain anew is not found by the chain')
  t.match(checked(rewritten, [at(6)]).breaks, [{ seq: 6, what: /not expected/ }], 'but by its head')
  t.match(checked([], [at(1)]).breaks, [{ seq: 1, what: /the log ends at 0/ }])
  t.end()
})

t.test('breaks beyond some are counted', (t) => {
  const check = new AuditCheck()
  for (let seq = 1; seq <= 50; seq += 1) check.record('rubbish', seq)
  t.same([check.breakCount, check.breaks.length], [50, 20])
  t.match(auditText(auditReport(check)), /and 30 more\nthe chain is BROKEN/)
  t.end()
})

t.test('a head is read as it is written', (t) => {
  const hash = 'AB'.repeat(32)
  t.same(parseHead(` 812:${hash} `), { seq: 812, hash: hash.toLowerCase() })
  for (const wrong of ['', '1', `0:${hash}`, `x:${hash}`, '1:abc', `1:${hash}0`]) {
    t.throws(() => parseHead(wrong), { code: 'BAD_CONFIG' }, wrong)
  }
  t.end()
})
