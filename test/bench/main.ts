import { brokeredCall } from './measures/brokered-call.ts'
import { Stage } from './stage/stage.ts'
import { TRANSPORTS } from './transports.ts'
import { clientCache, installClients, findServer } from './peers.ts'
const cache = clientCache()
process.stdout.write(`${await installClients(cache)}\n`)
const only = process.argv[2]
const t = TRANSPORTS[0]!
for (const m of brokeredCall(t)) for (const c of m.contestants) {
  if (only && !`${m.name}:${c.name}`.includes(only)) continue
  const stage = new Stage({ place: '/tmp', profiles: process.env['PROF'] })
  try {
    const s = await c.run({ isQuick: true, cache, natsServer: findServer('nats').command, redisServer: findServer('redis').command, stage, shared: undefined as never })
    process.stdout.write(`${m.name} ${c.name} ${JSON.stringify(s)}\n`)
  } catch (e) { process.stdout.write(`${m.name} ${c.name} ${String(e)}\n`) } finally { await stage.end() }
}
