#!/usr/bin/env node
/** `npm run demo`: the whole system in a directory of its own, with a conversation to look at. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, connect } from '../sdk/index.ts'
import { askDoor } from './demo/ask-door.ts'
import { playConversation } from './demo/conversation.ts'
import { logTail } from './demo/log-tail.ts'
import { ownDoors } from './demo/own-doors.ts'
import { EXIT } from './exit-codes.ts'
import { reportFailure } from './failure.ts'
import { Output } from './output.ts'
import { cliEntry, type PartName } from './parts.ts'
import { duration } from './render/durations.ts'
import { logDirectory, partSpec } from './up/part-flags.ts'
import { Progress } from './up/progress.ts'
import { Supervisor } from './up/supervisor.ts'

const PARTS: readonly PartName[] = ['broker', 'host', 'shim']

const { stdout, stderr, env } = process
const output = new Output({ stdout, stderr, env, json: false })
const { style } = output

async function demo(dir: string, supervisor: Supervisor, http: () => string): Promise<void> {
  const startedAt = performance.now()
  await supervisor.start()
  const client: Client = await connect({ dir, software: 'agentmq-demo' })
  try {
    const readyMs = performance.now() - startedAt
    const { firstMs, turns } = await playConversation(client, output, process.cwd())
    output.line()
    await askDoor(http(), output)
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
  let http = ''
  const supervisor = new Supervisor({
    entry: cliEntry(),
    parts: PARTS.map((part) => partSpec(part, { dir }, logs)),
    // So that nothing is left behind, and nobody else's port is taken.
    env: { ...env, ...ownDoors(dir), AGENTMQ_DEMO_STATE: join(dir, 'agent') },
    tell: (event) => {
      if (event.type === 'ready') http = event.info['http'] ?? http
      progress.tell(event)
    },
  })
  const interrupted = new Promise<never>((_resolve, reject) => {
    for (const name of ['SIGINT', 'SIGTERM'] as const) {
      process.once(name, () => reject(new Error(`interrupted by ${name}`)))
    }
  })
  try {
    await Promise.race([demo(dir, supervisor, () => http), interrupted])
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
