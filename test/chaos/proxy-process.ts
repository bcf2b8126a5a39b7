/**
 * The proxies of a run, in a process of their own: whatever else the driver is busy with, bytes go on.
 * Its one argument is JSON (ProxiesOptions); it hears orders over the IPC channel and ends on SIGTERM or
 * when that closes.
 */
import { LINES, type Line } from './places.ts'
import { FaultyProxy } from './proxy.ts'
import type { Done, LineOrder, ProxiesOptions, ProxyOrder } from './proxy-orders.ts'

const options = JSON.parse(process.argv[2] ?? '{}') as ProxiesOptions
const proxies = new Map<Line, FaultyProxy>()

function obey(proxy: FaultyProxy, order: ProxyOrder): void {
  if (order === 'heal') proxy.heal()
  else if (order === 'cut') proxy.cut()
  else if (order === 'half-open') proxy.halfOpen()
  else if (typeof order === 'object') proxy.delay(order.delayMs)
  else proxy.become(order)
}

function tell(answer: Done): void {
  process.send?.(answer)
}

async function end(): Promise<void> {
  await Promise.all([...proxies.values()].map((proxy) => proxy.close()))
  process.exit(0)
}

process.on('SIGTERM', () => void end())
process.on('disconnect', () => void end())
process.on('message', ({ id, line, order }: LineOrder) => {
  const proxy = proxies.get(line)
  if (proxy) obey(proxy, order)
  tell({ done: id })
})
for (const line of LINES) proxies.set(line, await FaultyProxy.start(options[line]))
tell({ done: 0 })
