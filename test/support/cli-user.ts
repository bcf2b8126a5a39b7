/** A user of the command line, with a broker and a host of his own. */
import type { Test } from 'tap'
import { type CliOptions, type CliResult, type CliRun, runCli, startCli } from './cli.ts'
import { Cluster } from './cluster.ts'

export interface CliUser {
  readonly cluster: Cluster
  /** Runs a command to its end. */
  readonly run: (args: readonly string[], options?: CliOptions) => Promise<CliResult>
  /** Starts a command. */
  readonly start: (args: readonly string[], options?: CliOptions) => CliRun
}

export async function cliUser(t: Test): Promise<CliUser> {
  const { cluster } = await Cluster.start(t)
  return cliUserOf(t, cluster)
}

/** A user of this cluster. */
export function cliUserOf(t: Test, cluster: Cluster): CliUser {
  const env = { AGENTMQ_DIR: cluster.dir }
  const home = cluster.workspace
  return {
    cluster,
    run: (args, options) => runCli(t, home, args, { env, ...options }),
    start: (args, options) => startCli(t, home, args, { env, ...options }),
  }
}

/** The records of NDJSON output. */
export function records(text: string): Record<string, unknown>[] {
  return text
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}
