/** `agentmq up`: a broker, a host and the shim on this machine, supervised until Ctrl-C. */
import type { Argv } from 'yargs'
import type { ArgsOf, Cli, Globals } from '../command.ts'
import { openClient } from '../connection.ts'
import { cliEntry, type PartName } from '../parts.ts'
import { commandFor } from '../session-text.ts'
import { logDirectory, partSpec } from '../up/part-flags.ts'
import { Progress } from '../up/progress.ts'
import { supervise } from '../up/supervise.ts'
import { Supervisor } from '../up/supervisor.ts'

export const builder = (yargs: Argv<Globals>) =>
  yargs
    .option('name', { type: 'string', requiresArg: true, describe: 'Name of the host' })
    .option('label', {
      type: 'string',
      array: true,
      requiresArg: true,
      describe: 'Label of the host (repeatable)',
    })
    .option('slots', {
      type: 'number',
      requiresArg: true,
      describe: 'Sessions that the host may run at once',
    })
    .option('shim', {
      type: 'boolean',
      default: true,
      describe: 'Doors for HTTP and the clients of the old daemon; --no-shim: none',
    })
    .option('log-level', { type: 'string', requiresArg: true, describe: 'Level of all logs' })

const CORE_PARTS: readonly PartName[] = ['broker', 'host']

export async function handler(args: ArgsOf<typeof builder>, cli: Cli): Promise<number> {
  const { readPlaces, readSettings } = await import('../settings.ts')
  const { refuseRunningBroker } = await import('../up/running-broker.ts')
  const { dir, endpoint } = readSettings(cli)
  const places = readPlaces(cli)
  await refuseRunningBroker(places.endpoint, cli.software)
  const logs = logDirectory(places.stateDir)
  const progress = new Progress(cli.output)
  const flags = { ...args, dir, endpoint }
  const parts: readonly PartName[] = args.shim ? [...CORE_PARTS, 'shim'] : CORE_PARTS
  const supervisor = new Supervisor({
    entry: cliEntry(),
    parts: parts.map((part) => partSpec(part, flags, logs)),
    tell: (event) => progress.tell(event),
  })
  return await supervise(supervisor, cli, async () => {
    await tellWhatIsThere(cli, progress)
    progress.labelled('logs', cli.output.style.dim(logs))
    progress.labelled('try', commandFor('chat', cli.globals))
    progress.labelled('', cli.output.style.dim('Ctrl-C stops everything'))
  })
}

async function tellWhatIsThere(cli: Cli, progress: Progress): Promise<void> {
  const { client } = await openClient(cli)
  try {
    const { hosts } = await client.call('host.list', {})
    progress.backends(hosts.filter((host) => host.status === 'online'))
  } finally {
    await client.close()
  }
}
