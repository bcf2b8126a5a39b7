/** `agentmq up`: a broker, a host and the shim on this machine, supervised until Ctrl-C. */
import type { Argv } from 'yargs'
import type { PlaceSettings } from '../../../protocol/endpoints.ts'
import type { ArgsOf, Cli, Globals } from '../command.ts'
import { openClient } from '../connection.ts'
import { joinLines } from '../keys/join-lines.ts'
import { cliEntry, type PartName } from '../parts.ts'
import { commandFor } from '../session-text.ts'
import { logDirectory, partSpec } from '../up/part-flags.ts'
import { Progress } from '../up/progress.ts'
import { supervise } from '../up/supervise.ts'
import { Supervisor } from '../up/supervisor.ts'
import { UsageError } from '../usage-error.ts'

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
    .option('listen', {
      type: 'string',
      requiresArg: true,
      describe: 'Endpoint for other machines, such as tcp://0.0.0.0:19700; only keys get in',
    })
    .option('listen-streams', {
      type: 'string',
      requiresArg: true,
      describe: 'Streams endpoint for other machines; default: the port after that of --listen',
    })
    .option('advertise', {
      type: 'string',
      requiresArg: true,
      describe: 'Endpoint under which other machines reach this one: tcp://NAME:PORT',
    })
    .option('log-level', { type: 'string', requiresArg: true, describe: 'Level of all logs' })

const CORE_PARTS: readonly PartName[] = ['broker', 'host']

export async function handler(args: ArgsOf<typeof builder>, cli: Cli): Promise<number> {
  const { readOwnPlace, withoutContext } = await import('../settings.ts')
  const { resolvePlaces } = await import('../../../protocol/endpoints.ts')
  const { refuseRunningBroker } = await import('../up/running-broker.ts')
  const place = readOwnPlace(cli)
  checkIsHere(place)
  const { dir, endpoint } = place
  const places = resolvePlaces(cli.env, place)
  await refuseRunningBroker(places.endpoint, cli.software)
  const logs = logDirectory(places.stateDir)
  const progress = new Progress(cli.output)
  const { config } = cli.globals
  const flags = { ...args, dir, endpoint, config }
  const parts: readonly PartName[] = args.shim ? [...CORE_PARTS, 'shim'] : CORE_PARTS
  const supervisor = new Supervisor({
    entry: cliEntry(),
    env: withoutContext(cli.env),
    parts: parts.map((part) => partSpec(part, flags, logs)),
    tell: (event) => progress.tell(event),
  })
  return await supervise(supervisor, cli, async () => {
    const here = {
      ...cli,
      globals: { ...cli.globals, context: undefined, dir, endpoint: places.endpoint },
    }
    await tellWhatIsThere(here, progress)
    progress.labelled('logs', cli.output.style.dim(logs))
    progress.labelled('try', commandFor('chat', cli.globals))
    progress.labelled('', cli.output.style.dim('Ctrl-C stops everything'))
  })
}

function checkIsHere({ endpoint, broker_key }: PlaceSettings): void {
  if (broker_key === undefined || endpoint === undefined) return
  throw new UsageError(
    `${endpoint} is a broker of another machine, and \`agentmq up\` starts one here; agents for it: agentmq host --context NAME`,
  )
}

async function tellWhatIsThere(cli: Cli, progress: Progress): Promise<void> {
  const { client } = await openClient(cli)
  try {
    const { hosts } = await client.call('host.list', {})
    progress.backends(hosts.filter((host) => host.status === 'online'))
    const { door } = await client.call('key.list', { limit: 1 })
    if (door.endpoint !== '') progress.network(joinLines(door, { endpoint: '' }), door)
  } finally {
    await client.close()
  }
}
