/** Executions of workflows as people read them. */
import type { ChunkBody } from '../../../protocol/messages/chunk.ts'
import type { Result } from '../../../protocol/methods/index.ts'
import type { Output } from '../output.ts'
import { shortId } from '../session-text.ts'
import { duration } from './durations.ts'
import { safeLine, safeText } from './safe-text.ts'
import type { Style } from './style.ts'
import { type Column, table } from './table.ts'

export type WorkflowInfo = Result<'workflow.get'>

export function workflowTable(workflows: readonly WorkflowInfo[], output: Output): string[] {
  return table(columns(Date.now()), workflows, output)
}

function columns(now: number): readonly Column<WorkflowInfo>[] {
  return [
    { title: 'EXECUTION', value: ({ execution }) => shortId(execution) },
    { title: 'STATUS', value: ({ status }) => status },
    { title: 'STEPS', value: doneOf, align: 'right' },
    { title: 'SINCE', value: ({ created_at }) => duration(now - created_at), align: 'right' },
    { title: 'NAME', value: ({ name }) => name },
    { title: 'REASON', value: ({ reason }) => reason },
  ]
}

function doneOf({ steps }: WorkflowInfo): string {
  return `${steps.filter(({ status }) => status === 'completed').length}/${steps.length}`
}

export function statusLine(
  { execution, name, status, reason }: WorkflowInfo,
  style: Style,
): string {
  const called = name === '' ? '' : `  ${safeLine(name)}`
  const why = reason === '' ? '' : `: ${safeLine(reason)}`
  return `${style.dim(shortId(execution))}${called}  ${status}${why}`
}

/** Each step, with what it said or why it failed below it. */
export function stepLines({ steps }: WorkflowInfo, style: Style): string[] {
  return steps.flatMap(({ id, status, session, output, output_cut, error }) => {
    const place = session === undefined ? '' : `  ${style.dim(shortId(session))}`
    const cut = output_cut === true ? ['  […]'] : []
    const said =
      output === undefined
        ? []
        : safeText(output)
            .split('\n')
            .map((line) => `  ${line}`)
    const why = error ? [`  ${style.red(safeLine(`${error.code}: ${error.message}`))}`] : []
    return [`${id}  ${status}${place}`, ...cut, ...said, ...why]
  })
}

export function eventLine({ event, data }: ChunkBody<'event'>, style: Style): string {
  const { step, session, reason } = data
  const words = [event.replace('_', ' '), step, reason].filter((word) => typeof word === 'string')
  const place = typeof session === 'string' ? `  ${style.dim(shortId(session))}` : ''
  return `${safeLine(words.join('  '))}${place}`
}
