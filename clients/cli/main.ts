#!/usr/bin/env node
/** The `agentmq` command: reads the command line, runs one command, sets the exit code. */
import { readFileSync } from 'node:fs'
import { CommandLine } from './arguments.ts'
import type { Cli, CommandModule, Globals } from './command.ts'
import { EXIT } from './exit-codes.ts'
import { reportFailure } from './failure.ts'
import { Interrupts } from './interrupts.ts'
import { asSpelledNow } from './old-spelling.ts'
import { Output } from './output.ts'
import { partOf, runPart } from './parts.ts'

const argv = asSpelledNow(process.argv.slice(2))
const isDebugging = argv.includes('--debug') || process.env['AGENTMQ_DEBUG'] === '1'

function newOutput(): Output {
  const { stdout, stderr, env } = process
  return new Output({ stdout, stderr, env, json: argv.includes('--json') })
}

function version(): string {
  const file = new URL('../../../package.json', import.meta.url)
  return String(JSON.parse(readFileSync(file, 'utf8')).version)
}

/** Asked twice: the process ends as if nobody had listened for the signal. */
function giveUp(name: NodeJS.Signals): void {
  process.removeAllListeners(name)
  process.kill(process.pid, name)
}

async function runCommand(command: CommandModule, globals: Globals, output: Output) {
  const interrupts = new Interrupts(process, giveUp)
  const cli: Cli = {
    globals,
    env: process.env,
    output,
    interrupts,
    signal: AbortSignal.any([interrupts.signal, output.gone]),
    input: process.stdin,
    software: `agentmq-cli/${version()}`,
    cwd: process.cwd(),
  }
  try {
    const exitCode = await command.handler(globals as never, cli)
    return endedEarly(interrupts, output) ?? exitCode
  } catch (thrown) {
    const exitCode = endedEarly(interrupts, output)
    if (exitCode === undefined) throw thrown
    return exitCode
  } finally {
    interrupts.close()
  }
}

/** A command that was told to end has not failed, whatever it threw on its way out. */
function endedEarly(interrupts: Interrupts, output: Output): number | undefined {
  if (output.gone.aborted) return EXIT.ok
  if (interrupts.last === undefined) return undefined
  return interrupts.last === 'SIGTERM' ? EXIT.terminated : EXIT.interrupted
}

async function runCli(output: Output): Promise<number> {
  let exitCode: number = EXIT.ok
  const fail = (thrown: unknown) => reportFailure(thrown, output, isDebugging)
  const commandLine = await CommandLine.read(argv, {
    version: version(),
    columns: output.terminal.columns ?? 80,
    run: async (command, globals) => {
      exitCode = await runCommand(command, globals, output).catch(fail)
    },
  })
  if (argv.length === 0) {
    output.line(await commandLine.help())
    return EXIT.usage
  }
  try {
    output.write(lineOf(await commandLine.parse()))
  } catch (thrown) {
    return fail(thrown)
  }
  return exitCode
}

function lineOf(text: string): string {
  return text === '' ? '' : `${text}\n`
}

async function main(): Promise<void> {
  const part = partOf(argv)
  if (!part) {
    process.exitCode = await runCli(newOutput())
    return
  }
  const exitCode = await runPart(part.name, part.argv).catch((thrown: unknown) =>
    reportFailure(thrown, newOutput(), isDebugging),
  )
  // The part has ended; the pipe of its parent, which it watched, must not keep the process.
  process.exit(exitCode)
}

await main()
