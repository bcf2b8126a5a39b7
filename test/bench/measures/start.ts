/** How long it takes until one can work: `agentmq up`, a broker with a large journal, the help. */
import { join } from 'node:path'
import { ownDoors } from '../../../clients/cli/demo/own-doors.ts'
import { connect } from '../../../clients/sdk/index.ts'
import {
  type ChunkStore,
  jetStreamStore,
  ourStore,
  redisStore,
} from '../contestants/chunk-store.ts'
import { startNats, startRedis } from '../contestants/servers.ts'
import { isListening } from '../stage/ports.ts'
import { AGENTMQ, type Stage } from '../stage/stage.ts'
import { until } from '../stage/until.ts'
import { IPC } from '../transports.ts'
import { type Bench, type Contestant, type Measure, OURS, type Sample } from './measure.ts'

/** How long the work takes, ms. */
async function timed(work: () => Promise<unknown>): Promise<number> {
  const since = performance.now()
  await work()
  return performance.now() - since
}

const node: Contestant = {
  name: 'node',
  run: async ({ stage }) => ({
    value: await timed(() => stage.spawn('node', process.execPath, ['-e', '0']).exited),
  }),
}

const zeromq: Contestant = {
  name: 'node-zeromq',
  run: async ({ stage }) => ({
    value: await timed(async () => stage.program('raw-echo', await IPC.raw(stage.dir, 'echo'))),
  }),
}

/** From the command to the word of the broker that a session is journalled, and to that of any call. */
async function firstSession(stage: Stage): Promise<Sample> {
  const { dir } = stage
  const since = performance.now()
  stage.spawn('up', process.execPath, [AGENTMQ, 'up', '--dir', dir, '--json'], ownDoors(dir))
  await until(() => isListening(join(dir, 'run', 'broker.sock')))
  const client = await connect({ dir })
  const written = client
    .call('state.set', { key: 'bench', value: true })
    .then(() => performance.now())
  const accepted = await new Promise<number>((resolve, reject) => {
    const onAccepted = () => resolve(performance.now())
    const retryOn = ['NO_HOST', 'NO_BACKEND'] as const
    client.createSession({ backend: 'demo' }, { onAccepted, retryOn }).catch(reject)
  })
  const answered = await written
  await client.close()
  return { value: accepted - since, more: { 'first call answered': answered - since } }
}

const up: Measure = {
  name: 'start-up',
  title: '`agentmq up` to the first session that is accepted',
  unit: 'ms',
  better: 'less',
  floor: 'node',
  about:
    'Broker, host and shim are started by one command in an empty directory; the clock stops when a client has the word that its session is in the journal, for which the host has to be there. `first call answered` is a value of the shared state, which needs the broker alone. `node` is a Node process that does nothing, of which `up` starts four. The servers are one native process each, with nothing to supervise.',
  goals: [{ atMost: 1500 }],
  contestants: [
    { name: OURS, run: ({ stage }) => firstSession(stage) },
    { name: 'nats', run: async (bench) => ({ value: await timed(() => startNats(bench)) }) },
    { name: 'redis', run: async (bench) => ({ value: await timed(() => startRedis(bench)) }) },
    node,
  ],
}

/** 1 GB in chunks of 1 KB, in 1,000 sessions; a tenth of it when quick. */
const CHUNK_BYTES = 1000
const chunksOf = ({ isQuick }: Bench) => (isQuick ? 100_000 : 1_000_000)

function restarted(name: string, store: ChunkStore): Contestant {
  return {
    name,
    run: async (bench) => {
      const folder = await bench.shared.once(name, () =>
        store.fill(bench, { chunks: chunksOf(bench), bytes: CHUNK_BYTES }),
      )
      const pid = { value: 0 }
      const value = await timed(async () => {
        pid.value = await store.open(bench, folder)
      })
      return { value, peakMb: bench.stage.peakMb({ pid: pid.value }) }
    },
  }
}

const restart: Measure = {
  name: 'start-journal',
  title: 'restart with a journal of 1 GB',
  unit: 'ms',
  better: 'less',
  isSmallerWhenQuick: true,
  floor: 'node-zeromq',
  about:
    'A million chunks of 1 KB, for the broker in 1,000 sessions, after `kill -9`; until requests are taken. The pages are in the cache of the system. A quick run has a tenth of it.',
  goals: [{ atMost: 3000 }],
  contestants: [
    restarted(OURS, ourStore),
    restarted('jetstream', jetStreamStore),
    restarted('redis', redisStore),
    zeromq,
  ],
}

const help: Measure = {
  name: 'help',
  title: '`agentmq --help`',
  unit: 'ms',
  better: 'less',
  floor: 'node',
  about: 'From the start of the process to its end.',
  goals: [],
  contestants: [
    {
      name: OURS,
      run: async ({ stage }) => ({
        value: await timed(() => stage.spawn('help', process.execPath, [AGENTMQ, '--help']).exited),
      }),
    },
    node,
  ],
}

export const START: readonly Measure[] = [up, restart, help]
