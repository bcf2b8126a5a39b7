/** How the parts of agentmq reach each other in a run. Measures are written once and run on each. */
import { join } from 'node:path'
import type { ConnectOptions } from '../../clients/sdk/index.ts'

/** What the processes of one stage need to meet. */
export interface Meeting {
  readonly brokerFlags: readonly string[]
  readonly hostFlags: readonly string[]
  /** For `connect` of the SDK. */
  readonly client: ConnectOptions
  /** ROUTER endpoint, for a host that is driven by a program of the bench. */
  readonly endpoint: string
}

export interface Transport {
  readonly name: string
  readonly title: string
  /** Why it cannot be measured; undefined when it can. */
  readonly missing: string | undefined
  meet(dir: string): Promise<Meeting>
}

const ipc: Transport = {
  name: 'ipc',
  title: 'ipc, no encryption',
  missing: undefined,
  meet: async (dir) => ({
    brokerFlags: [],
    hostFlags: [],
    client: { dir },
    endpoint: `ipc://${join(dir, 'run', 'broker.sock')}`,
  }),
}

/** Keys, a broker that listens on tcp and contexts for the others belong into `meet` once they exist. */
const curve: Transport = {
  name: 'curve',
  title: 'tcp loopback with CURVE',
  missing: 'not built in this version',
  meet: () => Promise.reject(new Error('not built in this version')),
}

export const TRANSPORTS: readonly Transport[] = [ipc, curve]
