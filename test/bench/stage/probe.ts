/** Asks the probe in a part what it has seen. */
import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ProbeReport } from '../programs/part-probe.ts'
import type { PartOptions, Stage } from './stage.ts'
import { until } from './until.ts'

const PROBE = fileURLToPath(new URL('../programs/part-probe.js', import.meta.url))

const fileIn = ({ dir }: Stage): string => join(dir, 'probe.json')

/** How a part is started so that it can be asked. */
export function probed(stage: Stage): PartOptions {
  return { preload: [PROBE], env: { AGENTMQ_BENCH_PROBE: fileIn(stage) } }
}

/** What it has seen since it was last asked, or has started. */
export async function askProbe(stage: Stage, pid: number): Promise<ProbeReport> {
  const file = fileIn(stage)
  rmSync(file, { force: true })
  process.kill(pid, 'SIGUSR2')
  const text = () => (existsSync(file) ? readFileSync(file, 'utf8') : '')
  await until(async () => text().endsWith('}'))
  return JSON.parse(text()) as ProbeReport
}
