/** Reads the stdout of a child itself: a pipe and nothing between. */
import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Ticks } from '../load/ticks.ts'
import { askFor, DONE, TICKER } from '../programs/ticker-lines.ts'
import type { StartReading } from './reader.ts'

export function pipeReader(ticks: Ticks): StartReading {
  return async (onText) => {
    const child = spawn(process.execPath, [TICKER], { stdio: ['pipe', 'pipe', 'inherit'] })
    process.once('exit', () => child.kill())
    createInterface({ input: child.stdout }).on('line', (line) => line !== DONE && onText(line))
    child.stdin.write(`${askFor(ticks)}\n`)
    return { gaps: 0, stop: async () => child.kill() }
  }
}
