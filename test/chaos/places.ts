/** Where the parts of a system listen: sockets in its directory, or ports of 127.0.0.1. */
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'

/** A path of a Unix socket, or a port of 127.0.0.1. */
export type Place = string | number

/** Where a proxy stands. */
export const LINES = ['calls', 'streams', 'hosts'] as const
export type Line = (typeof LINES)[number]

export const TRANSPORTS = ['ipc', 'tcp'] as const
export type Transport = (typeof TRANSPORTS)[number]

export interface Places {
  readonly broker: Place
  readonly streams: Place
  /** The proxies, each before one of the two. */
  readonly lines: Readonly<Record<Line, Place>>
}

/** What a proxy passes on goes here. */
export function targetOf({ broker, streams }: Places, line: Line): Place {
  return line === 'streams' ? streams : broker
}

export function endpointOf(place: Place): string {
  return typeof place === 'string' ? `ipc://${place}` : `tcp://127.0.0.1:${place}`
}

export async function choosePlaces(transport: Transport, dir: string): Promise<Places> {
  const choose = async (path: string) => (transport === 'ipc' ? join(dir, path) : freePort())
  return {
    broker: await choose('run/broker.sock'),
    streams: await choose('run/streams.sock'),
    lines: {
      calls: await choose('p/calls'),
      streams: await choose('p/streams'),
      hosts: await choose('p/hosts'),
    },
  }
}

const LOWEST_PORT = 10_000

/**
 * A port that nobody gets by chance while the broker is away: below those that the kernel gives to
 * connections. From among those, a peer that dials again and again would one day reach itself.
 */
async function freePort(): Promise<number> {
  const range = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'latin1')
  const port = randomInt(LOWEST_PORT, Math.max(LOWEST_PORT + 1, Number.parseInt(range, 10)))
  const server = createServer()
  const isFree = await new Promise<boolean>((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => resolve(true))
  })
  if (!isFree) return freePort()
  server.close()
  await once(server, 'close')
  return port
}
