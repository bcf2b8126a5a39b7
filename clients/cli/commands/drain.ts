/** `agentmq drain`: a host gets no new sessions; it can then be shut down without a loss. */
import { setTimeout as delay } from 'node:timers/promises'
import type { Argv } from 'yargs'
import type { HostInfo } from '../../../protocol/methods/types.ts'
import type { Client } from '../../sdk/index.ts'
import type { ArgsOf, Cli, Globals } from '../command.ts'
import { withClient } from '../connection.ts'
import { EXIT } from '../exit-codes.ts'
import { listSessions } from '../session-list.ts'
import { LIVE } from './ps.ts'

/** How often --wait looks, ms. */
const LOOK_MS = 500

export const builder = (yargs: Argv<Globals>) =>
  yargs
    .positional('host', { type: 'string', demandOption: true, describe: 'Host id or name' })
    .option('wait', {
      type: 'boolean',
      default: false,
      describe: 'Return when its last session has ended',
    })
    .option('stop', {
      type: 'boolean',
      default: false,
      describe: 'Stop its sessions step by step, and wait for their end',
    })

export async function handler(args: ArgsOf<typeof builder>, cli: Cli): Promise<number> {
  return await withClient(cli, async (client) => {
    let info = await client.call('host.drain', { host: args.host })
    if (args.stop) await stopAll(client, info, cli)
    if (args.wait || args.stop) info = await emptied(client, info, cli)
    if (cli.output.json) cli.output.record(info)
    else cli.output.line(`${info.name}  takes no new session; ${info.used} left`)
    return EXIT.ok
  })
}

/** One that has ended meanwhile is as good as stopped; what is wrong with the others is thrown. */
async function stopAll(client: Client, host: HostInfo, cli: Cli): Promise<void> {
  const sessions = await listSessions(client, LIVE, cli.signal)
  const here = sessions.filter((info) => info.host === host.host)
  await Promise.all(here.map(({ session }) => client.session(session).stop()))
}

async function emptied(client: Client, host: HostInfo, cli: Cli): Promise<HostInfo> {
  let info = host
  while (info.used > 0) {
    await delay(LOOK_MS, undefined, { signal: cli.signal })
    info = await client.call('host.get', { host: host.host }, { signal: cli.signal })
  }
  return info
}
