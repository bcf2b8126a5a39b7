/**
 * What the audit log costs: state.set through a real broker in this process, with it and, for comparison,
 * with its records left out, round by round in turn. `node dist/test/bench/audit-cost.js [calls] [rounds]`;
 * nothing passes or fails by it.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pino from 'pino'
import { Broker } from '../../broker/broker.ts'
import { brokerConfig } from '../../broker/config.ts'
import { Events } from '../../broker/core/events.ts'
import { type Client, connect } from '../../clients/sdk/index.ts'

const [calls = 10_000, rounds = 9] = process.argv.slice(2).map(Number)
const IN_FLIGHT = 256

interface Figures {
  readonly callsPerSecond: number
  /** Of the whole process, client and disk included: what else runs on the machine changes it little. */
  readonly cpuUsPerCall: number
}

async function measure(client: Client): Promise<Figures> {
  let next = 0
  const worker = async (): Promise<void> => {
    while (next < calls) {
      next += 1
      await client.call('state.set', { key: `key/${next % 1000}`, value: next })
    }
  }
  const since = performance.now()
  const before = process.cpuUsage()
  await Promise.all(Array.from({ length: IN_FLIGHT }, worker))
  const { user, system } = process.cpuUsage(before)
  const seconds = (performance.now() - since) / 1000
  return { callsPerSecond: calls / seconds, cpuUsPerCall: (user + system) / calls }
}

/** Records vanish where they would be numbered and hashed. */
async function withoutRecords(client: Client): Promise<Figures> {
  const target: { seal: Events['seal'] } = Events.prototype
  const original = Reflect.get(target, 'seal')
  target.seal = function (this: Events, operations) {
    const others = operations.filter(({ op }) => op !== 'audit')
    return original.call(this, others)
  }
  try {
    return await measure(client)
  } finally {
    target.seal = original
  }
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0
}

function text({ callsPerSecond, cpuUsPerCall }: Figures): string {
  return `${callsPerSecond.toFixed(0)} calls/s, ${cpuUsPerCall.toFixed(0)} us of CPU a call`
}

const dir = mkdtempSync(join(tmpdir(), 'amq-'))
try {
  const broker = new Broker(brokerConfig({ flags: { dir }, env: {} }), pino({ level: 'silent' }))
  await broker.start()
  const client = await connect({ dir })
  await measure(client) // warm
  const ratios = { speed: [] as number[], cpu: [] as number[] }
  for (let round = 1; round <= rounds; round += 1) {
    const bare = await withoutRecords(client)
    const audited = await measure(client)
    ratios.speed.push(audited.callsPerSecond / bare.callsPerSecond)
    ratios.cpu.push(audited.cpuUsPerCall / bare.cpuUsPerCall)
    process.stdout.write(`round ${round}: without ${text(bare)}; with ${text(audited)}\n`)
  }
  const [speed, cpu] = [median(ratios.speed), median(ratios.cpu)]
  process.stdout.write(
    `with to without, medians: calls/s x ${speed.toFixed(2)}, CPU x ${cpu.toFixed(2)}\n`,
  )
  await client.close()
  await broker.stop()
} finally {
  rmSync(dir, { recursive: true, force: true })
}
