/**
 * Flags of the programs for developers (`npm run bench`, `test:fault`, `fuzz` …), read as those of the parts are: with help,
 * and a word about what is wrong where Node would show a stack.
 */
import { ProtocolError } from '../../protocol/errors.ts'
import { exitCodeOf, type Program, readCommandLine } from '../../protocol/process/command-line.ts'
import type { Flag } from '../../protocol/settings.ts'

interface Types {
  readonly string: string
  readonly number: number
  readonly boolean: boolean
}

interface FlagSpec {
  readonly type: keyof Types
  /** May be given several times. */
  readonly array?: boolean
  readonly describe: string
  readonly choices?: readonly string[]
  readonly default?: string | number | boolean
}

type One<F extends FlagSpec> = F extends { readonly choices: readonly (infer Choice)[] }
  ? Choice
  : Types[F['type']]
type ValueOf<F extends FlagSpec> = F extends { readonly array: true }
  ? readonly One<F>[] | undefined
  : 'default' extends keyof F
    ? One<F>
    : One<F> | undefined

type FlagSpecs = Readonly<Record<string, FlagSpec>>
export type Values<F extends FlagSpecs> = { readonly [Name in keyof F]: ValueOf<F[Name]> }

export interface DeveloperProgram<F extends FlagSpecs> {
  /** As it is called. */
  readonly name: string
  readonly purpose: string
  readonly flags: F
}

/** The flags that were given, and defaults. Undefined when help was asked for and printed. Throws BAD_CONFIG. */
export async function parseFlags<const F extends FlagSpecs>(
  argv: readonly string[],
  { name, purpose, flags }: DeveloperProgram<F>,
): Promise<Values<F> | undefined> {
  const specs = Object.entries<FlagSpec>(flags)
  const program: Program = {
    name,
    purpose,
    examples: [],
    flags: Object.fromEntries(specs.map(([flag, spec]) => [flag, asFlag(spec)])),
  }
  const given = await readCommandLine(argv, program)
  if (!given) return undefined
  const defaults = Object.fromEntries(specs.map(([flag, spec]) => [flag, spec.default]))
  return { ...defaults, ...given.flags } as Values<F>
}

function asFlag({ type, array = false, describe, choices, default: fallback }: FlagSpec): Flag {
  return {
    ...{ type, array, describe, ...(choices && { choices }) },
    ...(fallback !== undefined && { defaultDescription: String(fallback) }),
  }
}

/** Those of this process, which ends when it cannot go on with them. */
export async function readFlags<const F extends FlagSpecs>(
  program: DeveloperProgram<F>,
): Promise<Values<F>> {
  try {
    const values = await parseFlags(process.argv.slice(2), program)
    return values ?? process.exit(0)
  } catch (thrown) {
    const error = ProtocolError.from(thrown, 'client', 'no')
    process.stderr.write(`${error.message}\n`)
    return process.exit(exitCodeOf(error))
  }
}
