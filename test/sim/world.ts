/** A whole system under one scheduler: a broker, hosts, clients, and what befalls them. */

import { RETENTION, type RetentionPolicy } from '../../broker/core/retention.ts'
import { befall } from './faults.ts'
import { History } from './history.ts'
import { checkAtEnd } from './invariants.ts'
import { CALM, Network } from './network.ts'
import { Life, Scheduler } from './scheduler.ts'
import { SimBroker } from './sim-broker.ts'
import { type CallRecord, SimClient } from './sim-client.ts'
import { SimHost } from './sim-host.ts'
import { Ledger, SimJournal } from './sim-journal.ts'
import { Violations } from './violations.ts'
import { act, probe, settleQuestions } from './workload.ts'

export interface WorldOptions {
  readonly seed: number
  /** Steps of trouble; quiet time comes on top. */
  readonly steps: number
}

export interface Outcome {
  readonly seed: number
  readonly steps: number
  readonly violations: readonly string[]
  readonly recent: readonly string[]
  readonly traceHash: string
  readonly figures: Readonly<Record<string, number>>
}

/** After this much time without faults everything has to be well again, ms. */
const HEALED_MS = 40_000
/** After this much more the probes have to be answered, ms. */
const PROBED_MS = 10_000
const HOSTS = ['host1', 'host2']
const CLIENTS = ['client1', 'client2', 'client3']

export class World {
  readonly scheduler: Scheduler
  readonly network: Network
  readonly violations = new Violations()
  readonly ledger = new Ledger(this.violations)
  readonly history: History
  readonly journal: SimJournal
  readonly retention: RetentionPolicy
  readonly hosts = new Map<string, SimHost>()
  readonly clients = new Map<string, SimClient>()
  readonly lives = new Map<string, Life>()
  broker: SimBroker | undefined
  isQuiet = false
  readonly figures = { brokers: 0, hosts: 0, clients: 0, breaks: 0, stalls: 0, full: 0, calls: 0 }
  #lastNumber = 0
  #lastKey = 0

  constructor(seed: number) {
    this.scheduler = new Scheduler(seed)
    this.network = new Network(this.scheduler)
    this.journal = new SimJournal(this.scheduler, this.ledger)
    this.retention = retentionOf(this.scheduler)
    this.history = new History(this.scheduler, this.violations, this.ledger)
    this.startBroker()
    for (const name of HOSTS) this.startHost(name)
    for (const name of CLIENTS) this.startClient(name, [])
  }

  nextKey(): string {
    this.#lastKey += 1
    return `k${this.#lastKey}`
  }

  startBroker(): void {
    const life = this.#life('broker')
    this.figures.brokers += 1
    const { scheduler, network, journal, history: watch, retention } = this
    this.broker = new SimBroker({ life, scheduler, network, journal, retention, watch })
  }

  killBroker(): void {
    this.lives.get('broker')?.kill()
    this.broker = undefined
    this.journal.crash()
    this.network.brokerGone()
  }

  startHost(name: string): void {
    const life = this.#life(name)
    this.figures.hosts += 1
    const nextNumber = (): number => {
      this.#lastNumber += 1
      return this.#lastNumber
    }
    const { scheduler, network, history } = this
    this.hosts.set(name, new SimHost({ life, scheduler, network, watch: history, nextNumber }))
  }

  /** A new life of a client asks again, with the same keys, what the last one did not see the end of. */
  startClient(name: string, unfinished: readonly CallRecord[]): void {
    const life = this.#life(name)
    this.figures.clients += 1
    const { scheduler, network, history } = this
    const client = new SimClient({ life, scheduler, network, watch: history })
    this.clients.set(name, client)
    for (const { key, method, params } of unfinished)
      client.call(key, method, params, { isRepeat: true })
    life.every(scheduler.between(5, 60), () => {
      if (this.isQuiet) settleQuestions(this, client)
      else act(this, client)
    })
  }

  #life(name: string): Life {
    const life = new Life(name, this.scheduler)
    this.lives.set(name, life)
    this.scheduler.trace(`${name} starts`)
    return life
  }

  /** Ends all faults: nothing is slow, away or full any more. */
  calm(): void {
    this.isQuiet = true
    this.scheduler.trace('calm')
    Object.assign(this.network.weather, CALM)
    this.journal.isFull = false
    this.journal.slowestMs = 8
    for (const dealer of this.network.dealers) {
      dealer.isPartitioned = false
      dealer.goOn()
    }
    for (const subscriber of this.network.subscribers) subscriber.goOn()
  }
}

/** In most runs everything is kept; in the others very little, so that readers do fall behind it. */
function retentionOf(scheduler: Scheduler): RetentionPolicy {
  if (scheduler.chance(0.6)) return RETENTION
  const bytes = (): number => Math.ceil(500 * 40 ** scheduler.random()) // 500 to 20,000
  return {
    ...RETENTION,
    sessionBytes: bytes(),
    totalBytes: scheduler.chance(0.5) ? 2 * bytes() : RETENTION.totalBytes,
    chunkAgeMs: scheduler.chance(0.3) ? scheduler.between(200, 20_000) : RETENTION.chunkAgeMs,
  }
}

async function pass({ scheduler, violations }: World, ms: number): Promise<void> {
  const end = scheduler.now + ms
  while (scheduler.now < end && !violations.any) await scheduler.step()
}

export async function simulate({ seed, steps }: WorldOptions): Promise<Outcome> {
  const world = new World(seed)
  const { scheduler, violations } = world
  befall(world)
  while (scheduler.steps < steps && !violations.any) await scheduler.step()
  world.calm()
  await pass(world, HEALED_MS)
  const probes = probe(world)
  await pass(world, PROBED_MS)
  if (!violations.any) checkAtEnd(world, probes)
  for (const life of world.lives.values()) life.kill()
  return {
    seed,
    steps: scheduler.steps,
    violations: violations.all,
    recent: [...scheduler.recent],
    traceHash: scheduler.traceHash,
    figures: { ...world.figures, ...world.history.tally, ms: Math.round(scheduler.now) },
  }
}
