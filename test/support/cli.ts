/** Runs the compiled `agentmq` as a user does: as a process, with nothing of this machine's settings. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import { WITHOUT_LOADER } from './bare-node.ts'

const ENTRY = fileURLToPath(new URL('../../clients/cli/main.js', import.meta.url))

export interface CliResult {
  /** The exit code, or the signal. */
  readonly exit: number | string
  readonly stdout: string
  readonly stderr: string
}

export interface CliOptions {
  /** What is on stdin, which ends after it; null = the pipe stays open. */
  readonly input?: string | null
  readonly env?: Readonly<Record<string, string>>
}

export class CliRun {
  readonly process: ChildProcess
  readonly result: Promise<CliResult>
  #stdout = ''
  #stderr = ''
  readonly #waiting = new Set<() => void>()

  constructor(t: Test, home: string, line: readonly string[], options: CliOptions) {
    const [command, ...before] = WITHOUT_LOADER
    this.process = spawn(command, [...before, ...line], {
      cwd: home,
      env: { PATH: process.env['PATH'], HOME: home, ...options.env },
      stdio: ['pipe', 'pipe', 'pipe'],
    })
    this.process.stdin?.on('error', () => undefined)
    if (options.input !== null) this.process.stdin?.end(options.input ?? '')
    this.process.stdout?.on('data', (data: Buffer) => this.#heard(data, ''))
    this.process.stderr?.on('data', (data: Buffer) => this.#heard('', data))
    this.result = this.#untilEnd()
    t.teardown(async () => {
      this.process.kill('SIGKILL')
      await this.result
    })
  }

  /** Resolves when stdout and stderr together hold the text; rejects when the command ends without. */
  async says(text: string): Promise<void> {
    await this.#saying((said) => said.includes(text) || undefined, text)
  }

  /** The same for a pattern; resolves with what it found. */
  async saysLike(pattern: RegExp): Promise<RegExpExecArray> {
    return await this.#saying((said) => pattern.exec(said) ?? undefined, String(pattern))
  }

  async #saying<T>(find: (said: string) => T | undefined, what: string): Promise<T> {
    const look = () => find(`${this.#stdout}${this.#stderr}`)
    const heard = new Promise<T>((resolve) => {
      const check = () => {
        const found = look()
        if (found === undefined) return
        this.#waiting.delete(check)
        resolve(found)
      }
      this.#waiting.add(check)
      check()
    })
    const ended = this.result.then(({ exit, stdout, stderr }) => {
      const found = look()
      if (found !== undefined) return found
      throw new Error(`ended with ${exit} and never said ${what}: ${stdout}${stderr}`)
    })
    return await Promise.race([heard, ended])
  }

  #heard(out: Buffer | string, error: Buffer | string): void {
    this.#stdout += out.toString()
    this.#stderr += error.toString()
    for (const check of this.#waiting) check()
  }

  async #untilEnd(): Promise<CliResult> {
    const [code, signal] = (await once(this.process, 'close')) as [number | null, string | null]
    return { exit: signal ?? code ?? 0, stdout: this.#stdout, stderr: this.#stderr }
  }
}

/** A directory with these files; short, because the paths of sockets are limited to 107 bytes. */
export function shortDir(t: Test, files: Readonly<Record<string, string>> = {}): string {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), 'amq-')))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
  t.teardown(() => rmSync(dir, { recursive: true, force: true, maxRetries: 5 }))
  return dir
}

/** Starts a compiled program in place of the command. */
export function startProgram(
  t: Test,
  home: string,
  args: readonly string[],
  options: CliOptions = {},
): CliRun {
  return new CliRun(t, home, [process.execPath, ...args], options)
}

/** Starts the command; `home` takes the place of the user's home directory. */
export function startCli(
  t: Test,
  home: string,
  args: readonly string[],
  options: CliOptions = {},
): CliRun {
  return new CliRun(t, home, [process.execPath, ENTRY, ...args], options)
}

/** A directory with `agentmq` in it, for scripts that call the command by its name. */
export function binDir(t: Test): string {
  const dir = shortDir(t)
  const script = `#!/bin/sh\nexec "${process.execPath}" "${ENTRY}" "$@"\n`
  writeFileSync(join(dir, 'agentmq'), script, { mode: 0o755 })
  return dir
}

/** Runs the command to its end. */
export async function runCli(
  t: Test,
  home: string,
  args: readonly string[],
  options: CliOptions = {},
): Promise<CliResult> {
  return await startCli(t, home, args, options).result
}
