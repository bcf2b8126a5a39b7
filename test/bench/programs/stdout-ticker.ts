/**
 * A child as an agent is one: asked on stdin it writes lines at random times, and at their end that it is
 * done. At SIGINT it says when that came, and writes nothing more until it is asked again.
 */
import { createInterface } from 'node:readline'
import { seeded } from '../figures/seeded.ts'
import { machineNow } from '../load/clock.ts'
import { tick } from '../load/ticks.ts'
import { asked, DONE, tellInterrupt } from './ticker-lines.ts'

const random = seeded(1)
let turn = 0

const say = (line: string): boolean => process.stdout.write(`${line}\n`)

async function answer(line: string): Promise<void> {
  turn += 1
  const own = turn
  await tick(asked(line), random, say, () => own === turn)
  if (own === turn) say(DONE)
}

process.on('SIGINT', () => {
  const at = machineNow()
  turn += 1
  say(tellInterrupt(at))
})

for await (const line of createInterface({ input: process.stdin })) void answer(line)
process.exit(0)
