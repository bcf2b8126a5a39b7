/** What another machine has to run to join a broker: the exact command lines. */
import { hostname } from 'node:os'
import { ProtocolError } from '../../../protocol/errors.ts'
import type { DoorInfo } from '../../../protocol/methods/key.ts'
import { flagText } from '../shell-text.ts'

/** Addresses that a broker listens at and nobody can dial. */
const ANY_ADDRESS = /^tcp:\/\/(0\.0\.0\.0|\*|\[::\]|::):/

/** Port of `agentmq up --listen` in what is printed. */
export const EXAMPLE_PORT = 19700

export interface JoinLines {
  /** Name of the context. */
  readonly name: string
  readonly server: string
  /** Nobody said under which name others reach this machine. */
  readonly server_is_guess: boolean
  readonly broker_key: string
  readonly fingerprint: string
  /** For a client. */
  readonly client: string
  /** For a host. */
  readonly host: string
}

export interface JoinOptions {
  /** How this command reaches the broker itself. */
  readonly endpoint: string
  readonly name?: string | undefined
  readonly machine?: string
}

/** Throws BAD_CONFIG for a broker that listens to no network. */
export function joinLines(door: DoorInfo, options: JoinOptions): JoinLines {
  const { key, fingerprint } = door
  if (door.endpoint === '') throw notListening()
  const { server, isGuess } = serverOf(door, options)
  const name = options.name ?? nameFor(server)
  // A key may begin with a dash, and has characters that shells know, but never a quote.
  return {
    ...{ name, server, server_is_guess: isGuess, broker_key: key, fingerprint },
    client: `agentmq context add ${name} ${flagText('server', server)} --key='${key}'`,
    host: `agentmq host ${flagText('endpoint', server)} --broker-key='${key}'`,
  }
}

/** What is known to work goes first: what was said, then how this command got there itself. */
function serverOf(
  { advertised, endpoint }: DoorInfo,
  { endpoint: own, machine = hostname() }: JoinOptions,
): { readonly server: string; readonly isGuess: boolean } {
  if (advertised !== '') return { server: advertised, isGuess: false }
  if (own.startsWith('tcp://')) return { server: own, isGuess: false }
  if (!ANY_ADDRESS.test(endpoint)) return { server: endpoint, isGuess: false }
  return { server: endpoint.replace(/^tcp:\/\/.*:/, () => `tcp://${machine}:`), isGuess: true }
}

/** The first part of a host name; an address is no name. */
function nameFor(server: string): string {
  const host = /^tcp:\/\/(.+):\d+$/.exec(server)?.[1] ?? ''
  const [first = ''] = host.split('.')
  return /^[A-Za-z][A-Za-z0-9_-]*$/.test(first) ? first : 'broker'
}

export function notListening(): ProtocolError {
  const reason = `this broker listens to no network; start it with --listen tcp://0.0.0.0:${EXAMPLE_PORT}`
  return new ProtocolError('BAD_CONFIG', { source: 'listen', reason }, { where: 'cli' })
}
