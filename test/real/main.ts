/**
 * Runs the tests of real CLIs: `npm run test:real -- [--only NAME] [--record]`. Brings the CLIs into the
 * cache first, and prints at the end what each of them showed. Exit code as that of the tests.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { readFlags } from '../run/flags.ts'
import { CLI_NAMES } from './clis.ts'

const program = (name: string): string => fileURLToPath(new URL(`./${name}.js`, import.meta.url))

async function run(command: string, args: readonly string[], env = {}): Promise<number> {
  const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...env } })
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}

const values = await readFlags({
  name: 'npm run test:real --',
  purpose: 'Tests with the real CLIs from npm, in front of models that are not real.',
  flags: {
    record: { type: 'boolean', default: false, describe: 'Keep what they say as transcripts' },
    only: { type: 'string', array: true, choices: CLI_NAMES, describe: 'These CLIs alone' },
  },
})
const names = values.only ?? CLI_NAMES

await run(process.execPath, [program('install'), ...names])
await run(process.execPath, [program('capability-table'), 'clear'])
const files = names.map((name) => `dist/test/real/${name}*.test.js`)
const env = values.record ? { AGENTMQ_RECORD: '1' } : {}
const exitCode = await run('tap', ['--disable-coverage', ...files], env)
await run(process.execPath, [program('capability-table')])
process.exit(exitCode)
