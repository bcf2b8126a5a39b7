/**
 * A program of its own, one beside each host: when the host dies, however it dies, its end of the
 * pipe closes, and the guardian ends what the host has left running. It needs nothing but Node's own
 * fs, to be small and quick to start.
 *
 * Arguments: host id, host life (`pid:startTicks`), grace in ms. Writes nothing.
 */
import { HOST_PID_VARIABLE, HOST_VARIABLE } from './markers.ts'
import { ProcessTree } from './process-tree.ts'
import { SWEEP_DEFAULTS, sweep } from './sweep.ts'
import { realTimers, sleep } from './timers.ts'

/** How often it looks whether the children have left by themselves, in ms. */
const POLL_MS = 100

const [hostId = '', hostLife = '', graceMs = '0'] = process.argv.slice(2)
const tree = new ProcessTree()
const find = () => tree.marked({ [HOST_VARIABLE]: hostId, [HOST_PID_VARIABLE]: hostLife })

// Its life hangs on the pipe alone: the signal that ends the host must not end it first.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => {})

async function hostIsGone(): Promise<void> {
  // A CLI whose stdin closed ends its turn and leaves; it does so better than we could.
  const untilMs = realTimers.now() + Number(graceMs)
  while (find().length > 0 && realTimers.now() < untilMs) await sleep(realTimers, POLL_MS)
  await sweep({ tree, timers: realTimers, ...SWEEP_DEFAULTS, find })
}

if (hostId === '' || hostLife === '') process.exit(64)
let told = false
const end = (): void => {
  if (told) return
  told = true
  void hostIsGone().finally(() => process.exit(0))
}
process.stdin.on('end', end).on('close', end).on('error', end).resume()
