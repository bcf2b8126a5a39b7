/** What befalls a system: one fault after the other, at random times, until the world is calm. */
import { ProtocolError } from '../../protocol/errors.ts'
import type { World } from './world.ts'

type Fault = (world: World) => void

const FAULTS: readonly (readonly [number, Fault])[] = [
  [20, breakConnection],
  [8, breakSubscription],
  [10, stall],
  [4, partition],
  [4, restartBroker],
  [2, drainBroker],
  [3, restartHost],
  [4, restartClient],
  [4, fillJournal],
  [4, slowJournal],
  [8, changeWeather],
  [6, failAgent],
]
/** Each run has its own mix: some faults not at all, others often, so that odd combinations come up. */
export function befall(world: World): void {
  const { scheduler } = world
  const betweenMs = 40 * 25 ** scheduler.random() // mean time between faults: 40 to 1000 ms
  const mix = FAULTS.filter(() => scheduler.chance(0.75)).map(
    ([weight, fault]) => [weight * scheduler.random(), fault] as const,
  )
  const next = (): void => {
    scheduler.after(-Math.log(1 - scheduler.random()) * betweenMs, () => {
      if (world.isQuiet) return
      strike(world, mix)
      next()
    })
  }
  next()
}

function strike(world: World, mix: readonly (readonly [number, Fault])[]): void {
  let dice = world.scheduler.random() * mix.reduce((sum, [weight]) => sum + weight, 0)
  for (const [weight, fault] of mix) {
    dice -= weight
    if (dice >= 0) continue
    world.scheduler.trace(`fault ${fault.name}`)
    fault(world)
    return
  }
}

function breakConnection({ scheduler, network, figures }: World): void {
  figures.breaks += 1
  scheduler.pick([...network.dealers])?.breakOff()
}

function breakSubscription({ scheduler, network }: World): void {
  scheduler.pick([...network.subscribers])?.breakOff()
}

function stall({ scheduler, network, figures }: World): void {
  figures.stalls += 1
  if (scheduler.chance(0.2)) {
    const subscriber = scheduler.pick([...network.subscribers])
    subscriber?.stall()
    scheduler.after(duration(scheduler.random, 9000), () => subscriber?.goOn())
    return
  }
  const dealer = scheduler.pick([...network.dealers])
  dealer?.stall(scheduler.chance(0.5) ? 'up' : 'down')
  scheduler.after(duration(scheduler.random, 9000), () => dealer?.goOn())
}

function partition({ scheduler, network }: World): void {
  const dealer = scheduler.pick([...network.dealers])
  if (!dealer) return
  dealer.isPartitioned = true
  dealer.stall('up')
  dealer.stall('down')
  scheduler.after(scheduler.between(0, 2000), () => dealer.breakOff())
  scheduler.after(duration(scheduler.random, 8000), () => {
    dealer.isPartitioned = false
    dealer.goOn()
  })
}

function restartBroker(world: World): void {
  const { scheduler } = world
  if (!world.broker) return
  world.killBroker()
  scheduler.after(duration(scheduler.random, 3000), () => world.startBroker())
}

/** SIGTERM: new work is refused for a while, everybody is told, then the process ends. */
function drainBroker(world: World): void {
  const { scheduler, broker } = world
  if (!broker) return
  broker.core.drain()
  scheduler.after(duration(scheduler.random, 500), () => {
    broker.connections.goodbye(new ProtocolError('DRAINING', { part: 'broker' }))
    scheduler.after(50, () => {
      if (world.broker === broker) restartBroker(world)
    })
  })
}

function restartHost(world: World): void {
  const { scheduler } = world
  const name = scheduler.pick([...world.hosts.keys()])
  const life = name !== undefined && world.lives.get(name)
  if (!life || life.isOver) return
  life.kill()
  scheduler.after(duration(scheduler.random, 4000), () => world.startHost(life.name))
}

function restartClient(world: World): void {
  const { scheduler } = world
  const client = scheduler.pick([...world.clients.values()])
  if (!client || client.life.isOver) return
  const { pending } = client
  client.life.kill()
  scheduler.after(duration(scheduler.random, 1000), () =>
    world.startClient(client.life.name, pending),
  )
}

function fillJournal({ scheduler, journal, figures }: World): void {
  figures.full += 1
  journal.isFull = true
  scheduler.after(duration(scheduler.random, 1500), () => {
    journal.isFull = false
  })
}

function slowJournal({ scheduler, journal }: World): void {
  journal.slowestMs = scheduler.between(1, 400)
  scheduler.after(duration(scheduler.random, 3000), () => {
    journal.slowestMs = 8
  })
}

function changeWeather({ scheduler, network }: World): void {
  network.weather.maxMs = scheduler.random() ** 3 * 300 + 1
  network.weather.highWaterMark = scheduler.chance(0.3) ? 1 : Math.ceil(scheduler.between(1, 64))
  network.weather.publishLoss = scheduler.chance(0.5) ? 0 : scheduler.random() ** 2
}

function failAgent({ scheduler, history }: World): void {
  const agents = history.agents.filter(({ alive }) => alive)
  scheduler.pick(agents)?.fail(scheduler.chance(0.5) ? 0 : 3)
}

/** Mostly short, sometimes as long as it gets. */
function duration(random: () => number, mostMs: number): number {
  return random() ** 2 * mostMs
}
