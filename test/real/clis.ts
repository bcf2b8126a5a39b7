/** The real CLIs of the tests: which version is wanted, where it lies, or why it is not there. Installs nothing. */

import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { member, parseObject, text } from '../support/fake-model/json.ts'

interface CliRow {
  readonly package: string
  /** The program, seen from the package; it may lie in one that comes with it. */
  readonly executable: string
  /** `process.platform` and `process.arch` that the package is built for; `any` for JavaScript. */
  readonly platform: string
}

export const CLIS = {
  claude: {
    package: '@anthropic-ai/claude-code-linux-x64',
    executable: 'claude',
    platform: 'linux-x64',
  },
  gemini: {
    package: '@google/gemini-cli',
    executable: 'bundle/gemini.js',
    platform: 'any',
  },
  opencode: {
    package: 'opencode-linux-x64',
    executable: 'bin/opencode',
    platform: 'linux-x64',
  },
  codex: {
    package: '@openai/codex',
    executable: '../codex-linux-x64/vendor/x86_64-unknown-linux-musl/bin/codex',
    platform: 'linux-x64',
  },
} as const satisfies Readonly<Record<string, CliRow>>

export type CliName = keyof typeof CLIS

export const CLI_NAMES = Object.keys(CLIS) as readonly CliName[]

export type Cli =
  | { readonly state: 'ready'; readonly version: string; readonly path: string }
  | { readonly state: 'absent' | 'unsupported'; readonly version: string; readonly reason: string }

/** What an installation leaves once it is complete; a half-written one has none. */
export const STAMP = 'installed.json'

// Compiled, this file lies in dist/test/real, but package.json stays in the sources.
const MANIFEST = new URL('../../../test/real/package.json', import.meta.url)

export function wantedVersion(name: CliName): string {
  const dependencies = member(parseObject(readFileSync(MANIFEST, 'utf8')), 'dependencies')
  const version = text(member(dependencies, CLIS[name].package))
  if (version === '') throw new Error(`test/real/package.json names no version for ${name}`)
  return version
}

export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const { AGENTMQ_REAL_CACHE: own, XDG_CACHE_HOME: caches } = env
  // An empty variable is as good as none, hence no `??`.
  return own || join(caches || join(homedir(), '.cache'), 'agentmq', 'real-cli')
}

function stampedVersion(folder: string): string | undefined {
  const path = join(folder, STAMP)
  if (!existsSync(path)) return undefined
  return text(member(parseObject(readFileSync(path, 'utf8')), 'version'))
}

export function findCli(name: CliName, cache: string = cacheFolder()): Cli {
  const row = CLIS[name]
  const version = wantedVersion(name)
  const here = `${process.platform}-${process.arch}`
  if (row.platform !== 'any' && row.platform !== here) {
    return {
      state: 'unsupported',
      version,
      reason: `${name} is built for ${row.platform}, not ${here}`,
    }
  }
  const path = join(cache, name, 'node_modules', row.package, row.executable)
  const stamped = stampedVersion(join(cache, name))
  if (stamped === version && existsSync(path)) return { state: 'ready', version, path }
  const found = stamped === undefined ? 'is not installed' : `is there as ${stamped}`
  return {
    state: 'absent',
    version,
    reason: `${name} ${version} ${found}: npm run test:real installs it`,
  }
}

/** For the `skip` of a test: only a platform that can never run the CLI is a reason. */
export function skipReason(name: CliName): string | false {
  const cli = findCli(name)
  return cli.state === 'unsupported' ? cli.reason : false
}

/** The program; a CLI that should be there and is not fails the test that asks. */
export function cliPath(name: CliName): string {
  const cli = findCli(name)
  if (cli.state !== 'ready') throw new Error(cli.reason)
  return cli.path
}
