/** Says what went wrong: two lines for people, one JSON line for programs, a stack only when asked. */
import { ProtocolError } from '../../protocol/errors.ts'
import { exitCodeOf } from './exit-codes.ts'
import type { Output } from './output.ts'
import { safeLine } from './render/safe-text.ts'
import { UsageError } from './usage-error.ts'

/** Reports the failure and gives the exit code that goes with it. */
export function reportFailure(thrown: unknown, output: Output, isDebugging: boolean): number {
  const error = thrown instanceof UsageError ? thrown : ProtocolError.from(thrown, 'cli')
  const exitCode = exitCodeOf(error)
  if (output.json)
    output.alert(JSON.stringify({ error: { ...described(error), exit_code: exitCode } }))
  else {
    output.alert(`${output.noteStyle.red('agentmq:')} ${safeLine(error.message)}`)
    if (error.advice) output.alert(`  → ${error.advice}`)
  }
  if (isDebugging && !output.json) output.alert(stackOf(thrown))
  return exitCode
}

function described(error: UsageError | ProtocolError): object {
  const { code, message, advice } = error
  if (error instanceof UsageError) return { code, message, advice }
  return { ...error.toWire(), advice }
}

function stackOf(thrown: unknown): string {
  if (!(thrown instanceof Error)) return String(thrown)
  const cause = thrown.cause === undefined ? '' : `\ncaused by: ${stackOf(thrown.cause)}`
  return `${thrown.stack ?? thrown.message}${cause}`
}
