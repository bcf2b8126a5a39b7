#!/usr/bin/env node
/** `npm run demo`: the whole system in a directory of its own, with a conversation to look at. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, connect } from '../sdk/index.ts'
import { playConversation } from './demo/conversation.ts'
import { logTail } from './demo/log-tail.ts'
import { EXIT } from './exit-codes.ts'
import { reportFailure } from './failure.ts'
import { Output } from './output.ts'
import { cliEntry, type PartName } from './parts.ts'
import { duration } from './render/durations.ts'
import { logDirectory, partFlags } from './up/part-flags.ts'
import { Progress } from './up/progress.ts'
import { Supervisor } from './up/supervisor.ts'

const PARTS: readonly PartName[] = ['broker', 'host']

const { stdout, stderr, env } = process
const output = new Output({ stdout, stderr, env, json: false })
const { style } = output

async function demo(dir: string, supervisor: Supervisor): Promise<void> {
  const startedAt = performance.now()
  await supervisor.start()
  const client: Client = await connect({ dir, software: 'agentmq-demo' })
  try {
    const readyMs = performance.now() - startedAt
    const { firstMs, turns } = await playConversation(client, output, process.cwd())
    output.line()
    output.line(
      style.green(
        `✓ usable after ${duration(readyMs)}, first words after ${duration(firstMs)}, ` +
          `${turns} turns, every chunk on disk before you saw it`,
      ),
    )
  } finally {
    await client.close()
    await supervisor.stop()
  }
  output.line(
    style.dim(`  Now yours: \`npx agentmq up\`, and in another terminal \`npx agentmq chat\``),
  )
}

async function run(): Promise<number> {
  const dir = mkdtempSync(join(tmpdir(), 'agentmq-demo-'))
  const logs = logDirectory(dir)
  const progress = new Progress(output)
  const supervisor = new Supervisor({
    entry: cliEntry(),
    parts: PARTS.map((part) => ({ part, flags: partFlags(part, { dir }, logs) })),
    env: { ...env, AGENTMQ_DEMO_STATE: join(dir, 'agent') }, // so that nothing is left behind
    tell: (event) => progress.tell(event),
  })
  const interrupted = new Promise<never>((_resolve, reject) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.once(name, () => reject(new Error(`interrupted by ${name}`)))
    }
  })
  try {
    await Promise.race([demo(dir, supervisor), interrupted])
    return EXIT.ok
  } catch (thrown) {
    reportFailure(thrown, output, env['AGENTMQ_DEBUG'] === '1')
    for (const line of logTail(logs)) output.alert(style.dim(line))
    return EXIT.failed
  } finally {
    await supervisor.stop()
    rmSync(dir, { recursive: true, force: true })
  }
}

process.exitCode = await run()
