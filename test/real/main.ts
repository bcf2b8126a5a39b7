/**
 * Runs the tests of real CLIs: `npm run test:real -- [--only NAME] [--record]`. Brings the CLIs into the
 * cache first, and prints at the end what each of them showed. Exit code as that of the tests.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { CLI_NAMES, type CliName } from './clis.ts'

const program = (name: string): string => fileURLToPath(new URL(`./${name}.js`, import.meta.url))

async function run(command: string, args: readonly string[], env = {}): Promise<number> {
  const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...env } })
  const [code] = (await once(child, 'exit')) as [number | null]
  return code ?? 1
}

const isCli = (name: string): name is CliName => CLI_NAMES.some((known) => known === name)

const { values } = parseArgs({
  options: {
    record: { type: 'boolean', default: false },
    only: { type: 'string', multiple: true },
  },
})
const unknown = (values.only ?? []).find((name) => !isCli(name))
if (unknown !== undefined) {
  process.stderr.write(`--only ${unknown}: the CLIs are ${CLI_NAMES.join(', ')}\n`)
  process.exit(2)
}
const names = (values.only ?? CLI_NAMES).filter(isCli)

await run(process.execPath, [program('install'), ...names])
await run(process.execPath, [program('capability-table'), 'clear'])
const files = names.map((name) => `dist/test/real/${name}*.test.js`)
const env = values.record ? { AGENTMQ_RECORD: '1' } : {}
const exitCode = await run('tap', ['--disable-coverage', ...files], env)
await run(process.execPath, [program('capability-table')])
process.exit(exitCode)
