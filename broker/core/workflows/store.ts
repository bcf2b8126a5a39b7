/**
 * Executions in the journal: the record, which changes with each step, in one table; the texts, which are
 * long and are read only when they are needed, in another.
 */
import type { Params } from '../../../protocol/methods/index.ts'
import type { WorkflowStep } from '../../../protocol/methods/workflow.ts'
import type { Journal, JournalOperation } from '../../journal/journal.ts'
import { streamOfWorkflow } from './progress.ts'
import type { WorkflowRecord } from './record.ts'

/** What the steps were asked for with. */
export interface Texts {
  readonly steps: readonly Pick<WorkflowStep, 'prompt' | 'start'>[]
  readonly inputs: NonNullable<Params<'workflow.execute'>['inputs']>
}

export function saveWorkflow(record: WorkflowRecord): JournalOperation {
  return { op: 'put', table: 'workflows', key: record.execution, value: record }
}

export function saveTexts(execution: string, texts: Texts): JournalOperation {
  return { op: 'put', table: 'workflow_texts', key: execution, value: texts }
}

export function saveOutput(execution: string, index: number, text: string): JournalOperation {
  return { op: 'put', table: 'workflow_texts', key: outputKey(execution, index), value: text }
}

/** Throws STORAGE_FAILED for a damaged record. */
export function readTexts(journal: Journal, execution: string): Texts | undefined {
  return journal.get('workflow_texts', execution) as Texts | undefined
}

/** Throws STORAGE_FAILED for a damaged record; empty when there is none. */
export function readOutput(journal: Journal, execution: string, index: number): string {
  return (journal.get('workflow_texts', outputKey(execution, index)) as string | undefined) ?? ''
}

export function dropWorkflow({ execution, steps }: WorkflowRecord): JournalOperation[] {
  return [
    { op: 'delete', table: 'workflows', key: execution },
    { op: 'delete', table: 'workflow_texts', key: execution },
    ...steps.map((_, index): JournalOperation => {
      return { op: 'delete', table: 'workflow_texts', key: outputKey(execution, index) }
    }),
    { op: 'drop', session: streamOfWorkflow(execution) },
  ]
}

function outputKey(execution: string, index: number): string {
  return `${execution}/${index}`
}
