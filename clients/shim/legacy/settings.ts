/** Settings of what the doors share. */
import { Type } from '../../../protocol/typebox.ts'
import { limit } from '../setting-fields.ts'

export const legacySettings = {
  agent_types: Type.Record(
    Type.String({ pattern: '^(\\*|[A-Za-z0-9][A-Za-z0-9._-]{0,63})$' }),
    Type.String({ maxLength: 64 }),
    {
      default: {},
      description:
        'Backend for each agent type, over the usual ones; `*` is for the types that HTTP callers make up, and an empty one takes a row away',
      additionalProperties: false,
    },
  ),
  host_wait_ms: limit('How long a new agent waits for a host while none is connected, ms', 5000, 0),
}
