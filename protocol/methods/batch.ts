/** session.batch: one action on many sessions. */

import { ERRORS } from '../errors.ts'
import { oneOf } from '../one-of.ts'
import { Type } from '../typebox.ts'
import { defineMethod } from './define.ts'
import { sessionReference } from './types.ts'

/** What can be done to many sessions at once. */
export const BATCH_ACTIONS = [
  'session.prompt',
  'session.interrupt',
  'session.pause',
  'session.resume',
  'session.signal',
  'session.set_mode',
  'session.stop',
  'session.kill',
  'session.recover',
] as const
export type BatchAction = (typeof BATCH_ACTIONS)[number]

/** Most sessions of one batch. */
export const MAX_BATCH = 1000

const outcomes = ['done', 'failed', 'skipped'] as const

export const SessionBatch = defineMethod('session.batch', {
  description:
    'Does the same to many sessions, at once or one after the other, and says of each what came of it.',
  answeredBy: 'broker',
  scope: 'control',
  reach: 'own',
  mutating: true,
  params: Type.Object({
    sessions: Type.Array(sessionReference, {
      minItems: 1,
      maxItems: MAX_BATCH,
      description: 'Sessions, by id, name or the first characters of an id',
    }),
    action: oneOf(BATCH_ACTIONS, 'Method to carry out for each'),
    params: Type.Optional(
      Type.Record(Type.String(), Type.Unknown(), {
        description: 'Parameters of that method, without the session',
      }),
    ),
    fail_fast: Type.Optional(
      Type.Boolean({
        description:
          'True: one after the other, up to the first failure. Default: all at once, whatever fails',
      }),
    ),
  }),
  result: Type.Object({
    results: Type.Array(
      Type.Object({
        session: Type.String({ description: 'As it was given' }),
        outcome: oneOf(outcomes, 'skipped: an earlier one failed, and fail_fast was asked for'),
        code: Type.Optional(
          oneOf(Object.keys(ERRORS) as (keyof typeof ERRORS)[], 'Error code, when it failed'),
        ),
        message: Type.Optional(Type.String({ description: 'What went wrong, in words' })),
        executed: Type.Optional(
          oneOf(['no', 'yes', 'unknown'], 'Whether it was done all the same'),
        ),
      }),
      { description: 'One for each session, in the order given' },
    ),
    failed: Type.Integer({ minimum: 0, description: 'How many failed' }),
  }),
  errors: [],
})
