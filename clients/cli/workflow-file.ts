/** A workflow as it is written down: the parameters of workflow.execute as JSON, and inputs from the line. */
import { readFile } from 'node:fs/promises'
import { text as readAll } from 'node:stream/consumers'
import { METHODS, type Params } from '../../protocol/methods/index.ts'
import { mismatch } from '../../protocol/schema.ts'
import type { Cli } from './command.ts'
import { UsageError } from './usage-error.ts'

/** Throws UsageError that names the file and what is wrong with it. */
export async function readWorkflow(
  path: string,
  inputs: readonly string[],
  cli: Cli,
): Promise<Params<'workflow.execute'>> {
  const source = path === '-' ? 'stdin' : path
  const given = parsed(source, path === '-' ? await readAll(cli.input) : await fileText(path))
  const isObject = typeof given === 'object' && given !== null && !Array.isArray(given)
  const whole: Record<string, unknown> = isObject ? { ...given } : { steps: given }
  if (inputs.length > 0) whole['inputs'] = { ...inputsOf(whole), ...fromLine(inputs) }
  const problem = mismatch(METHODS['workflow.execute'].params, whole)
  if (problem !== undefined) throw new UsageError(`${source}: ${problem}`)
  return whole as Params<'workflow.execute'>
}

async function fileText(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (thrown) {
    throw new UsageError(thrown instanceof Error ? thrown.message : String(thrown))
  }
}

function parsed(source: string, json: string): unknown {
  try {
    return JSON.parse(json)
  } catch (thrown) {
    throw new UsageError(`${source}: ${thrown instanceof Error ? thrown.message : String(thrown)}`)
  }
}

function inputsOf({ inputs }: Record<string, unknown>): object {
  return typeof inputs === 'object' && inputs !== null ? inputs : {}
}

function fromLine(inputs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    inputs.map((input) => {
      const at = input.indexOf('=')
      if (at < 1) throw new UsageError(`--input ${input} must be NAME=VALUE`)
      return [input.slice(0, at), input.slice(at + 1)]
    }),
  )
}
