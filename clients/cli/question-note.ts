/** Says what to run when an agent asks where nobody can be asked: in scripts, and beside a stream. */
import type { StreamItem } from '../sdk/index.ts'
import type { Cli } from './command.ts'
import { commandFor, shortId } from './session-text.ts'

export function noteQuestion(item: StreamItem, cli: Cli): void {
  if (item.type !== 'approval_request') return
  const verb = (name: string) => commandFor(`${name} ${shortId(item.approval)}`, cli.globals)
  cli.output.note(`· it waits for an answer: ${verb('approve')}  or  ${verb('deny')}`)
}
