/** approval.*: the questions of agents whether a tool may run, and the answers of people. */

import { APPROVAL_DECISIONS } from '../messages/chunk.ts'
import { oneOf } from '../one-of.ts'
import { Type } from '../typebox.ts'
import { defineMethod } from './define.ts'
import { APPROVAL_STATES, ApprovalInfo, sessionReference } from './types.ts'

/** Longest time that `approval.list` waits for news, ms: well below what proxies and people put up with. */
export const MAX_APPROVAL_WAIT_MS = 60_000

export const ApprovalList = defineMethod('approval.list', {
  description:
    'Questions of agents. With `changed_since` and `wait_ms` the call waits until there is news.',
  answeredBy: 'broker',
  scope: 'read',
  reach: 'own',
  mutating: false,
  params: Type.Object({
    session: Type.Optional(sessionReference),
    state: Type.Optional(
      Type.Array(oneOf(APPROVAL_STATES, 'A state'), {
        minItems: 1,
        maxItems: APPROVAL_STATES.length,
        description: 'Only these; default: pending, and with `changed_since` all',
      }),
    ),
    limit: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1000, description: 'At most so many; default 100' }),
    ),
    changed_since: Type.Optional(
      Type.Integer({
        minimum: 0,
        description: 'Only what changed after this cursor of an earlier answer; 0 = all',
      }),
    ),
    wait_ms: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: MAX_APPROVAL_WAIT_MS,
        description: 'With `changed_since`: how long to wait for news before the list is empty',
      }),
    ),
  }),
  result: Type.Object({
    approvals: Type.Array(ApprovalInfo, { description: 'The one that changed last at the end' }),
    cursor: Type.Integer({ minimum: 0, description: 'Pass it as `changed_since` to go on' }),
    more: Type.Boolean({ description: 'There are more: go on from `cursor` at once' }),
  }),
  errors: ['NO_SUCH_SESSION', 'AMBIGUOUS_SESSION'],
})

export const ApprovalAnswer = defineMethod('approval.answer', {
  description:
    'Answers a question. The first answer wins and is on disk before anybody hears of it; the others get SETTLED. Replies when the agent has it (`applied`), or as soon as its host is known to be away (`answered`): then the agent gets it when the host is back.',
  answeredBy: 'broker',
  scope: 'control',
  reach: 'own',
  mutating: true,
  params: Type.Object({
    approval: Type.String({
      minLength: 1,
      maxLength: 128,
      description: 'Id of the question, or its first characters',
    }),
    decision: oneOf(APPROVAL_DECISIONS, 'One of the options of the question'),
    message: Type.Optional(
      Type.String({ maxLength: 16_384, description: 'With deny: what the agent is told' }),
    ),
    interrupt: Type.Optional(Type.Boolean({ description: 'With deny: the turn ends as well' })),
  }),
  result: ApprovalInfo,
  errors: ['NO_SUCH_APPROVAL', 'AMBIGUOUS_APPROVAL', 'SETTLED', 'INVALID_PARAMS'],
})
