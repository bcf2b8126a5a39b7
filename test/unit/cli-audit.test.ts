/** How records of the audit log look on a terminal, and which times `--since` takes. */
import t from 'tap'
import { pointInTime } from '../../clients/cli/point-in-time.ts'
import { auditGapLine, auditLine } from '../../clients/cli/render/audit-lines.ts'
import { stylesFor } from '../../clients/cli/render/style.ts'
import type { AuditRecord } from '../../protocol/messages/audit.ts'

const plain = stylesFor(false)
const SESSION = '0b7c1d52-6a52-4f0e-9a53-0c5a8b1f2d3e'
const hashes = { prev: '0'.repeat(64), hash: 'f'.repeat(64) }

function line(more: Partial<AuditRecord>): string {
  const record: AuditRecord = {
    ...{ seq: 7, time: Date.UTC(2026, 0, 31, 12), principal: 'anna', method: 'session.stop' },
    ...{ outcome: 'done', executed: 'yes', ...hashes, ...more },
  }
  return auditLine(record, plain)
}

t.test('a record is one line with who, what, about what and its end', (t) => {
  const when = '7  2026-01-31T12:00:00.000Z'
  t.equal(line({ session: SESSION }), `${when}  anna  session.stop  0b7c1d52  done`)
  t.equal(
    line({ principal: '', method: 'broker.started', target: 'x', details: { epoch: 3 } }),
    `${when}  -  broker.started  x  done  epoch=3`,
  )
  t.equal(
    line({ via: 'web', within: 'session.batch', outcome: 'AGENT_GONE', executed: 'unknown' }),
    `${when}  anna  session.stop  AGENT_GONE (executed: unknown)  via=web  within=session.batch`,
  )
  t.equal(
    line({ outcome: 'FORBIDDEN', executed: 'no', count: 12, since: Date.UTC(2026, 0, 31, 11) }),
    `${when}  anna  session.stop  FORBIDDEN  count=12  since=2026-01-31T11:00:00.000Z`,
  )
  t.end()
})

t.test('what others chose cannot steer the terminal', (t) => {
  const odd = line({ principal: 'a\u001b[2J\nb', target: '\u009b31m', details: { x: '\u0007' } })
  t.notMatch(odd, /\p{Cc}/u)
  t.end()
})

t.test('a gap says whether retention took the records', (t) => {
  const gap = (reason: string) => auditGapLine({ type: 'gap', from: 1, to: 9, reason }, plain)
  t.match(gap('retention'), 'records 1 to 9 are not kept any more')
  t.match(gap('corrupt'), 'records 1 to 9 cannot be read')
  t.end()
})

t.test('a time is so long ago, or a date', (t) => {
  const now = Date.UTC(2026, 0, 31, 12)
  const taken: [string, number][] = [
    ['90s', now - 90_000],
    ['15m', now - 900_000],
    ['2h', now - 7_200_000],
    ['1.5d', now - 129_600_000],
    ['2026-01-31T11:30Z', Date.UTC(2026, 0, 31, 11, 30)],
    ['2026-01-31T11:30:00+01:00', Date.UTC(2026, 0, 31, 10, 30)],
    ['2026-01-31', Date.UTC(2026, 0, 31)],
  ]
  for (const [text, time] of taken) t.equal(pointInTime('since', text, now), time, text)
  for (const wrong of ['', '2', '-2h', '2 hours', 'yesterday', '2026-13-01', '12:00']) {
    t.throws(() => pointInTime('since', wrong, now), /--since takes a time/, wrong)
  }
  t.end()
})
