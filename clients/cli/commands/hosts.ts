/** `agentmq hosts`: who can run agents, and four kinds of evidence that they are well. */
import type { Argv } from 'yargs'
import type { BackendInfo, HostInfo } from '../../../protocol/methods/types.ts'
import type { ArgsOf, Cli, Globals } from '../command.ts'
import { withClient } from '../connection.ts'
import { EXIT } from '../exit-codes.ts'
import { duration } from '../render/durations.ts'
import { type Column, table } from '../render/table.ts'
import { listSessions } from '../session-list.ts'
import { shortId } from '../session-text.ts'
import { LIVE } from './ps.ts'

export const builder = (yargs: Argv<Globals>) =>
  yargs.option('backends', {
    alias: 'b',
    type: 'boolean',
    default: false,
    describe: 'One line for each backend, with the reason when it is not available',
  })

export async function handler(args: ArgsOf<typeof builder>, cli: Cli): Promise<number> {
  return await withClient(cli, async (client) => {
    const { signal } = cli.interrupts
    const { hosts } = await client.call('host.list', {}, { signal })
    if (cli.output.json) cli.output.record({ hosts })
    else if (hosts.length === 0) cli.output.note('no host; start one with `agentmq host`')
    else if (args.backends) print(cli, backendColumns(cli), backendRows(hosts))
    else {
      const sessions = await listSessions(client, LIVE, signal)
      const hostsWithProcess = sessions.flatMap(({ pid, host }) => (pid === null ? [] : [host]))
      print(cli, hostColumns(cli, hostsWithProcess), hosts)
    }
    return EXIT.ok
  })
}

function print<Row>(cli: Cli, columns: readonly Column<Row>[], rows: readonly Row[]): void {
  for (const line of table(columns, rows, cli.output)) cli.output.line(line)
}

/** Transport, event loop, child processes, progress: each level can fail while the one below is well. */
function hostColumns(cli: Cli, hostsWithProcess: readonly string[]): readonly Column<HostInfo>[] {
  const { style } = cli.output
  const processes = (host: HostInfo) =>
    hostsWithProcess.filter((name) => name === host.host || name === host.name).length
  return [
    { title: 'HOST', value: (host) => shortId(host.host) },
    { title: 'NAME', value: (host) => host.name },
    {
      title: 'STATUS',
      value: (host) => (host.draining ? `${host.status} (draining)` : host.status),
      paint: (cell, host) => (host.status === 'online' ? style.green(cell) : style.red(cell)),
    },
    { title: 'SLOTS', value: (host) => `${host.used}/${host.slots}`, align: 'right' },
    { title: 'HEARD', value: (host) => ago(host.heard_ms), align: 'right' },
    { title: 'LOOP LAG', value: (host) => duration(host.loop_lag_ms), align: 'right' },
    { title: 'PROCESSES', value: (host) => String(processes(host)), align: 'right' },
    { title: 'PROGRESS', value: (host) => ago(host.progress_age_ms), align: 'right' },
    { title: 'LABELS', value: (host) => host.labels.join(',') },
    { title: 'BACKENDS', value: (host) => available(host.backends) },
  ]
}

function ago(ms: number): string {
  return ms < 0 ? '' : `${duration(ms)} ago`
}

function available(backends: readonly BackendInfo[]): string {
  const found = backends.filter((backend) => backend.available)
  return found.map(({ name, version }) => (version ? `${name} ${version}` : name)).join(', ')
}

interface BackendRow {
  readonly host: HostInfo
  readonly backend: BackendInfo
}

function backendRows(hosts: readonly HostInfo[]): BackendRow[] {
  return hosts.flatMap((host) => host.backends.map((backend) => ({ host, backend })))
}

function backendColumns(cli: Cli): readonly Column<BackendRow>[] {
  const { style } = cli.output
  return [
    { title: 'HOST', value: ({ host }) => host.name },
    { title: 'BACKEND', value: ({ backend }) => backend.name },
    {
      title: 'AVAILABLE',
      value: ({ backend }) => (backend.available ? 'yes' : 'no'),
      paint: (cell, { backend }) => (backend.available ? style.green(cell) : style.yellow(cell)),
    },
    { title: 'VERSION', value: ({ backend }) => backend.version },
    { title: 'CAN', value: ({ backend }) => backend.capabilities.join(',') },
    { title: 'REASON', value: ({ backend }) => backend.reason },
  ]
}
