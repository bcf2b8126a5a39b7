/** How the parts of agentmq reach each other in a run. Measures are written once and run on each. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type ConnectOptions, connect } from '../../clients/sdk/index.ts'
import { newKeyPair } from '../../protocol/keys/key-pair.ts'
import type { Role } from '../../protocol/messages/handshake.ts'
import { ownKeys } from '../../protocol/process/key-file.ts'
import { freePort } from './stage/ports.ts'

/** Where a broker is and how both sides come to trust each other; nothing but the endpoint without keys. */
export interface Place {
  readonly dir: string
  readonly endpoint: string
  readonly brokerKey?: string
  readonly keyFile?: string
}

/** What the processes of one stage need to meet. */
export interface Meeting {
  /** For `agentmq host`. */
  readonly hostFlags: readonly string[]
  /** For a host that is driven by a program of the bench. */
  readonly host: Place
  /** For `connect` of the SDK. */
  readonly client: ConnectOptions
}

/** Options of sockets of zeromq.js that do without agentmq on the same transport. */
export interface RawPlace {
  readonly endpoint: string
  readonly server: object
  readonly client: object
}

export interface Transport {
  readonly name: string
  readonly title: string
  readonly hasSecurity: boolean
  /** What there is to say of it beside each measure. */
  readonly note: string
  readonly brokerFlags: readonly string[]
  /** For a broker that runs on this directory. */
  meet(dir: string): Promise<Meeting>
  /** For one socket that is bound; `name` tells it from others of this directory. */
  raw(dir: string, name: string): Promise<RawPlace>
}

export const IPC: Transport = {
  name: 'ipc',
  title: 'ipc, no encryption',
  hasSecurity: false,
  note: '',
  brokerFlags: [],
  meet: async (dir) => {
    const endpoint = `ipc://${join(dir, 'run', 'broker.sock')}`
    return { hostFlags: [], host: { dir, endpoint }, client: { dir } }
  },
  raw: async (dir, name) => ({ endpoint: `ipc://${join(dir, name)}`, server: {}, client: {} }),
}

/** A principal of another machine may ask for less than the bench does: the limits are not what is measured. */
const RAISED = {
  'principal-calls-per-second': 0,
  'principal-writes-per-second': 0,
  'principal-calls-in-flight': 0,
  'principal-time-percent': 0,
  'principal-connections': 1000,
  'key-connects-per-second': 1000,
} as const

export const CURVE: Transport = {
  name: 'curve',
  title: 'tcp loopback with CURVE',
  hasSecurity: true,
  note: ' Client and host are principals with keys of their own, whose limits are raised; `agentmq-ipc` is the same without security, NATS, Redis and the plain broker are not encrypted.',
  brokerFlags: [
    '--listen',
    'tcp://127.0.0.1:*',
    ...Object.entries(RAISED).flatMap(([name, value]) => [`--${name}`, String(value)]),
  ],
  meet: async (dir) => {
    const admin = await connect({ dir })
    try {
      const { door } = await admin.call('key.list', {})
      const place = async (principal: string, role: Role) => {
        const keyFile = join(dir, 'keys', `${principal}.key`)
        const { publicKey: key } = ownKeys(keyFile, randomBytes)
        await admin.call('key.add', { principal, key, roles: [role] })
        return { dir, endpoint: door.endpoint, brokerKey: door.key, keyFile }
      }
      const client = await place('bench-client', 'operator')
      const host = await place('bench-host', 'host')
      return { hostFlags: flagsOf(host), host, client }
    } finally {
      await admin.close()
    }
  },
  raw: async () => {
    const [server, client] = [newKeyPair(randomBytes), newKeyPair(randomBytes)]
    return {
      endpoint: `tcp://127.0.0.1:${await freePort()}`,
      server: { curveServer: true, curveSecretKey: server.secretKey },
      client: {
        curveServerKey: server.publicKey,
        curvePublicKey: client.publicKey,
        curveSecretKey: client.secretKey,
      },
    }
  },
}

function flagsOf({ endpoint, brokerKey, keyFile }: Required<Place>): string[] {
  return ['--endpoint', endpoint, `--broker-key=${brokerKey}`, '--key-file', keyFile]
}

export const TRANSPORTS: readonly Transport[] = [IPC, CURVE]
