/** The prompt of a step, made of its template. */
import { ProtocolError } from '../../../protocol/errors.ts'
import { MAX_PROMPT } from '../../../protocol/methods/session.ts'
import type { Core } from '../core.ts'
import type { StepRecord, WorkflowRecord } from './record.ts'
import { readOutput, readTexts } from './store.ts'
import { parseTemplate, render } from './template.ts'

/** Throws TOO_LARGE, INVALID_PARAMS when nothing is left to ask, or STORAGE_FAILED. */
export function promptOf(core: Core, record: WorkflowRecord, step: StepRecord): string {
  const { execution, steps } = record
  const index = steps.indexOf(step)
  const texts = readTexts(core.journal, execution)
  const parsed = parseTemplate(texts?.steps[index]?.prompt ?? '')
  if (!texts || !parsed.ok) {
    throw new ProtocolError('STORAGE_FAILED', { reason: 'the prompt template is not there' })
  }
  const values = {
    output: (id: string) => outputOf(core, record, id),
    input: (name: string) => String(texts.inputs[name] ?? ''),
  }
  const text = render(parsed.pieces, values, MAX_PROMPT)
  if (text === undefined) {
    const what = `the prompt of step ${step.id}, with all that it quotes,`
    throw new ProtocolError('TOO_LARGE', { what, size: `more`, limit: MAX_PROMPT })
  }
  if (text.trim() === '') {
    const reason = `the prompt of step ${step.id} is empty, with all that it quotes`
    throw new ProtocolError('INVALID_PARAMS', { method: 'workflow.execute', reason })
  }
  return text
}

/** Empty for a step that failed and was told to let others go on. */
function outputOf(core: Core, { execution, steps }: WorkflowRecord, id: string): string {
  const index = steps.findIndex((step) => step.id === id)
  const isDone = steps[index]?.state.status === 'completed'
  return isDone ? readOutput(core.journal, execution, index) : ''
}
