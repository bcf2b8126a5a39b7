/** Opens the connection of a command and tells the user when it is lost and when it is back. */
import { existsSync } from 'node:fs'
import type { Client, ConnectionStatus } from '../sdk/index.ts'
import type { Cli } from './command.ts'
import type { CliSettings } from './settings.ts'

/** Long enough for a broker that is starting again, or busy. */
const CONNECT_MS = 3000
/** No socket is there: nobody has started a broker, or it is about to make one. */
const NO_SOCKET_MS = 500

/** Loads the SDK only now: `--help` and wrong usage never pay for it. */
export async function openClient(cli: Cli): Promise<{ client: Client; settings: CliSettings }> {
  const { connectOptions, readSettings } = await import('./settings.ts')
  const settings = readSettings(cli)
  const { ipcPath, resolvePlaces } = await import('../../protocol/endpoints.ts')
  const path = ipcPath(resolvePlaces(cli.env, settings).endpoint)
  const { connect } = await import('../sdk/index.ts')
  const client = await connect({
    ...connectOptions(cli.env, settings),
    connectTimeoutMs: path === undefined || existsSync(path) ? CONNECT_MS : NO_SOCKET_MS,
    signal: cli.interrupts.signal,
    software: cli.software,
  })
  return { client, settings }
}

/** Runs `use` with a connection, and closes it whatever happens. */
export async function withClient(
  cli: Cli,
  use: (client: Client, settings: CliSettings) => Promise<number>,
): Promise<number> {
  const { client, settings } = await openClient(cli)
  const stop = client.onStatus(statusTeller(cli))
  try {
    return await use(client, settings)
  } finally {
    stop()
    await client.close()
  }
}

const STATUS_TEXT: Readonly<Record<ConnectionStatus['type'], string | undefined>> = {
  connected: 'connected again',
  lost: 'connection lost; trying again …',
  silent: 'the broker does not answer; waiting …',
  refused: 'the broker refused the connection',
  closed: undefined,
}

/** One dim line for each change that the user should know of; the first connection is no news. */
function statusTeller(cli: Cli): (status: ConnectionStatus) => void {
  let isAway = false
  return ({ type }) => {
    const text = STATUS_TEXT[type]
    if (text === undefined || (type === 'connected' && !isAway)) return
    isAway = type !== 'connected'
    cli.output.note(`· ${text}`)
  }
}
