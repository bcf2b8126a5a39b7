/** One action on each of several sessions: all are tried, and the first failure gives the exit code. */
import type { Argv } from 'yargs'
import type { Client } from '../sdk/index.ts'
import { type ArgsOf, type Cli, type Globals, words } from './command.ts'
import { withClient } from './connection.ts'
import { EXIT } from './exit-codes.ts'
import { reportFailure } from './failure.ts'

export const sessionsBuilder = (yargs: Argv<Globals>) =>
  yargs.positional('session', {
    type: 'string',
    array: true,
    demandOption: true,
    describe: 'Session ids, names or beginnings of ids',
  })

/** Does the work for one session: the result for programs and the line for people. */
export type SessionAction = (
  client: Client,
  session: string,
) => Promise<{ readonly result: object; readonly line: string }>

export function eachSession(action: SessionAction) {
  return async (args: ArgsOf<typeof sessionsBuilder>, cli: Cli): Promise<number> =>
    await withClient(cli, (client) => actOnEach(client, words(args.session, args), cli, action))
}

/** Acts on one after the other, and gives the exit code; for programs the results are one document, by this name. */
export async function actOnEach(
  client: Client,
  sessions: readonly string[],
  cli: Cli,
  action: SessionAction,
  name = 'sessions',
): Promise<number> {
  const results: object[] = []
  let exitCode: number = EXIT.ok
  for (const session of sessions) {
    try {
      const { result, line } = await action(client, session)
      results.push(result)
      if (!cli.output.json) cli.output.line(line)
    } catch (thrown) {
      if (cli.interrupts.signal.aborted) throw thrown
      const code = reportFailure(thrown, cli.output, cli.globals.debug)
      exitCode = exitCode === EXIT.ok ? code : exitCode
    }
  }
  if (cli.output.json) cli.output.record({ [name]: results })
  return exitCode
}
