/** workflow.*: prompts that depend on each other, run as a graph over sessions. */

import { oneOf } from '../one-of.ts'
import { type Static, Type } from '../typebox.ts'
import { defineMethod } from './define.ts'
import { SessionCreate } from './session.ts'
import { sessionReference } from './types.ts'

/** Most steps of one workflow. */
export const MAX_STEPS = 64
/** Longest prompt template, characters. */
export const MAX_TEMPLATE = 65_536
/** Most inputs of one workflow. */
export const MAX_INPUTS = 64
/** What is kept of the output of one step, bytes of UTF-8: that of all steps fits one message. */
export const MAX_OUTPUT_BYTES = 48 * 1024
/** How many steps run at the same time when nobody says. */
export const DEFAULT_PARALLEL = 8

export const WORKFLOW_STATUSES = ['running', 'completed', 'failed', 'cancelled'] as const
export type WorkflowStatus = (typeof WORKFLOW_STATUSES)[number]
const WorkflowStatusSchema = oneOf(
  WORKFLOW_STATUSES,
  'running, completed, failed (a step failed, or its time was over), cancelled',
)

export const STEP_STATUSES = [
  'pending',
  'running',
  'completed',
  'failed',
  'skipped',
  'cancelled',
] as const
export type StepStatus = (typeof STEP_STATUSES)[number]

export const ON_ERROR = ['fail', 'continue'] as const
export type OnError = (typeof ON_ERROR)[number]

const identifier = (description: string) =>
  Type.String({ pattern: '^[A-Za-z][A-Za-z0-9_-]{0,63}$', description })
const time = (description: string) => Type.Number({ description: `${description}, ms since 1970` })
const deadline = (description: string) =>
  Type.Integer({ minimum: 1, maximum: 2_592_000_000, description }) // 30 days

export const WorkflowStep = Type.Object(
  {
    id: identifier('Name of the step, unique in the workflow'),
    needs: Type.Optional(
      Type.Array(identifier('Id of a step'), {
        maxItems: MAX_STEPS,
        description: 'Steps that have to be done before this one begins',
      }),
    ),
    session: Type.Optional(sessionReference),
    start: Type.Optional(
      Type.Object(SessionCreate.params.properties, {
        description: 'Parameters of session.create, for a session of its own',
      }),
    ),
    prompt: Type.String({
      minLength: 1,
      maxLength: MAX_TEMPLATE,
      description:
        'What to ask. `{{steps.ID.output}}` quotes a step that is needed, also indirectly; `{{inputs.NAME}}` an input; `\\{{` is a plain `{{`',
    }),
    deadline_ms: Type.Optional(
      deadline('The step fails when it is not done by then, ms after it began'),
    ),
    on_error: Type.Optional(
      oneOf(
        ON_ERROR,
        'When it fails: so does the workflow, and no other step begins (fail, the default); or the steps that need it go on with an empty output (continue)',
      ),
    ),
    keep: Type.Optional(
      Type.Boolean({
        description: 'Leave the session that the step started running. Default: it is stopped',
      }),
    ),
  },
  {
    description:
      'One prompt: for a session that exists (`session`), or for one that is started for it (`start`, the parameters of session.create)',
  },
)
export type WorkflowStep = Static<typeof WorkflowStep>

export const StepInfo = Type.Object(
  {
    id: Type.String({ description: 'Name of the step' }),
    status: oneOf(
      STEP_STATUSES,
      'pending, running, completed, failed, skipped (an earlier step failed), cancelled',
    ),
    session: Type.Optional(Type.String({ description: 'Id of its session, once it has one' })),
    turn: Type.Optional(Type.Integer({ minimum: 1, description: 'Turn that its prompt began' })),
    output: Type.Optional(
      Type.String({
        description: `Text of that turn, once the step is completed; at most its last ${MAX_OUTPUT_BYTES} bytes`,
      }),
    ),
    output_cut: Type.Optional(
      Type.Boolean({ description: 'True: the beginning of the output is not here' }),
    ),
    error: Type.Optional(
      Type.Object(
        {
          code: Type.String({ description: 'Error code' }),
          message: Type.String({ description: 'What went wrong, in words' }),
        },
        { description: 'Why the step failed' },
      ),
    ),
    started_at: Type.Optional(time('When it began')),
    ended_at: Type.Optional(time('When it ended')),
  },
  { description: 'How far one step is' },
)
export type StepInfo = Static<typeof StepInfo>

export const WorkflowInfo = Type.Object(
  {
    execution: Type.String({ description: 'Id of the execution (a UUID)' }),
    name: Type.String({ description: 'Name; empty when it has none' }),
    owner: Type.String({ description: 'Principal that asked for it' }),
    status: WorkflowStatusSchema,
    reason: Type.String({ description: 'Why it failed; empty when it did not' }),
    created_at: time('When it began'),
    ended_at: Type.Optional(time('When it ended')),
    steps: Type.Array(StepInfo, { description: 'In the order given' }),
  },
  { description: 'One execution of a workflow' },
)
export type WorkflowInfo = Static<typeof WorkflowInfo>

const execution = Type.String({
  minLength: 1,
  maxLength: 64,
  description: 'Id of the execution',
})

export const WorkflowExecute = defineMethod('workflow.execute', {
  description:
    'Begins to run prompts that depend on each other and replies at once. Progress is on the stream `@workflow/EXECUTION`; it goes on when the broker is started anew.',
  answeredBy: 'broker',
  scope: 'control',
  reach: 'own',
  mutating: true,
  params: Type.Object({
    name: Type.Optional(Type.String({ maxLength: 128, description: 'Name for people' })),
    steps: Type.Array(WorkflowStep, {
      minItems: 0,
      maxItems: MAX_STEPS,
      description: 'What to ask, in any order',
    }),
    inputs: Type.Optional(
      Type.Record(
        identifier('Name of an input'),
        Type.Union([Type.String({ maxLength: MAX_TEMPLATE }), Type.Number(), Type.Boolean()]),
        { maxProperties: MAX_INPUTS, description: 'Values that prompts may quote' },
      ),
    ),
    max_parallel: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MAX_STEPS,
        description: `Steps that may run at the same time; default ${DEFAULT_PARALLEL}`,
      }),
    ),
    deadline_ms: Type.Optional(
      deadline('The workflow fails when it is not done by then, ms after it began'),
    ),
  }),
  result: WorkflowInfo,
  errors: ['TOO_MANY_WORKFLOWS'],
})

export const WorkflowGet = defineMethod('workflow.get', {
  description: 'One execution, with the outputs of its steps.',
  answeredBy: 'broker',
  scope: 'read',
  reach: 'own',
  mutating: false,
  params: Type.Object({ execution }),
  result: WorkflowInfo,
  errors: ['NO_SUCH_WORKFLOW'],
})

/** Executions of one page, when nobody says. */
export const DEFAULT_PAGE = 100

export const WorkflowList = defineMethod('workflow.list', {
  description: 'Executions, newest first, in pages; without the outputs of their steps.',
  answeredBy: 'broker',
  scope: 'read',
  reach: 'own',
  mutating: false,
  params: Type.Object({
    status: Type.Optional(
      Type.Array(WorkflowStatusSchema, { maxItems: 4, description: 'Only these statuses' }),
    ),
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: DEFAULT_PAGE,
        description: `Executions in one page; default ${DEFAULT_PAGE}`,
      }),
    ),
    offset: Type.Optional(
      Type.Integer({ minimum: 0, description: 'Executions to pass over; default 0' }),
    ),
  }),
  result: Type.Object({
    workflows: Type.Array(WorkflowInfo, { description: 'One page' }),
    total: Type.Integer({ minimum: 0, description: 'Executions that fit, in all pages' }),
  }),
  errors: [],
})

export const WorkflowCancel = defineMethod('workflow.cancel', {
  description:
    'Ends an execution: no step begins any more, turns that run are interrupted, sessions that were started for steps are stopped. One that has ended stays as it is.',
  answeredBy: 'broker',
  scope: 'control',
  reach: 'own',
  mutating: true,
  params: Type.Object({ execution }),
  result: WorkflowInfo,
  errors: ['NO_SUCH_WORKFLOW'],
})
