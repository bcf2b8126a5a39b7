/** audit.read: the audit log, in pages. */

import { AuditRecord } from '../messages/audit.ts'
import { Type } from '../typebox.ts'
import { defineMethod } from './define.ts'

/** The stream of the broker that holds the audit log. It asks for the scope `admin`. */
export const AUDIT_STREAM = '@audit'

/** Which records are wanted; all that is named has to fit. */
export const auditFilter = {
  principal: Type.Optional(
    Type.String({ maxLength: 256, description: 'Only what this principal did, itself or `via`' }),
  ),
  method: Type.Optional(
    Type.String({
      maxLength: 64,
      description: 'Only this method; with `.` at its end, its family',
    }),
  ),
  session: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 128,
      description:
        'Only what is about this session: its id, its name, or the first characters of its id; of one that is gone its id',
    }),
  ),
  since: Type.Optional(
    Type.Number({ description: 'Only what was written then or later, ms since 1970' }),
  ),
  until: Type.Optional(
    Type.Number({ description: 'Only what was written then or before, ms since 1970' }),
  ),
}

export const AuditRead = defineMethod('audit.read', {
  description:
    'Looks through a bounded stretch of the audit log, and says where to go on: until `next` is beyond `head`. docs/audit.md says what a record means, and how to check the chain.',
  answeredBy: 'broker',
  scope: 'admin',
  mutating: false,
  params: Type.Object({
    from: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: Number.MAX_SAFE_INTEGER,
        description: 'First record to look at; default 1',
      }),
    ),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, description: 'At most so many; default 1000' }),
    ),
    ...auditFilter,
  }),
  result: Type.Object({
    records: Type.Array(AuditRecord),
    gaps: Type.Array(
      Type.Object({
        from: Type.Integer({ minimum: 1, description: 'First record that is missing' }),
        to: Type.Integer({ minimum: 1, description: 'Last one' }),
        reason: Type.String({ description: 'retention or corrupt' }),
      }),
      { description: 'Records of this stretch that cannot be served' },
    ),
    next: Type.Integer({ minimum: 1, description: 'Go on from here' }),
    head: Type.Integer({ minimum: 0, description: 'The last record on disk' }),
  }),
  errors: [],
})
