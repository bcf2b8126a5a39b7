/** The settings of an agent host: one schema for flags, environment, config file, defaults and help. */
import { statSync } from 'node:fs'
import { cpus, homedir, hostname, tmpdir } from 'node:os'
import {
  type AccessSettings,
  accessSettings,
  contextSetting,
  type Environment,
  type Places,
  placeSettings,
  resolvePlaces,
} from '../protocol/endpoints.ts'
import { placeOf } from '../protocol/process/context-file.ts'
import { processSettings } from '../protocol/process-settings.ts'
import { resolveSettings, type SettingSources } from '../protocol/settings.ts'
import { type Static, type TSchema, Type } from '../protocol/typebox.ts'
import { AcpAgentSettings } from './backends/acp-agents.ts'
import type { BackendOptions } from './backends/index.ts'
import { StdioCommand } from './backends/stdio-command.ts'
import { BUFFER_LIMITS } from './held-bytes.ts'
import { seenFromHere } from './programs.ts'
import type { QuietTimes } from './watchdog.ts'

const names = (description: string, flag: string, fallback: readonly string[]) =>
  Type.Array(Type.String({ minLength: 1, maxLength: 4096 }), {
    description,
    flag,
    default: [...fallback],
    maxItems: 256,
  })

const command = (name: string, title: string) =>
  Type.String({ default: name, minLength: 1, description: `Name or path of ${title}` })

/** Backends of the config: nothing but these, and what is known here, can ever be run. */
const named = <S extends TSchema>(schema: S, description: string) =>
  Type.Record(Type.String({ pattern: '^[a-z][a-z0-9._-]{0,63}$' }), schema, {
    description,
    default: {},
    additionalProperties: false,
  })

/** What a program behind a company proxy needs to reach the network; nothing secret. */
const NETWORK_NAMES = [
  'HTTP_PROXY',
  'HTTPS_PROXY',
  'NO_PROXY',
  'http_proxy',
  'https_proxy',
  'no_proxy',
  'NODE_EXTRA_CA_CERTS',
  'SSL_CERT_FILE',
  'SSL_CERT_DIR',
]

const quiet = (fallback: number, action: string) =>
  Type.Integer({
    minimum: 0,
    default: fallback,
    description: `A turn in which the agent says nothing for this long is ${action}, ms; 0: never`,
  })

export const HostSettings = Type.Object({
  ...placeSettings,
  ...contextSetting,
  ...accessSettings,
  name: Type.Optional(
    Type.String({
      pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$',
      description: 'Name of this host for people; default: the name of the machine',
    }),
  ),
  labels: names('Label for placement; may be given several times', 'label', []),
  slots: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 10_000,
      description: 'Sessions it runs at once; default: 8 for each processor',
    }),
  ),
  roots: names(
    'Directory below which sessions may work; default: home, the current and the temporary directory',
    'root',
    [],
  ),
  pass_env: names(
    'Variable of this environment that agents get as well; NAME or PREFIX_*',
    'pass-env',
    NETWORK_NAMES,
  ),
  allow_env: names('Variable that a request may set for its agent; NAME or PREFIX_*', 'allow-env', [
    'AGENTMQ_DEMO_DELAY_MS', // the other settings of the demo agent name places to write to
    'AGENT_CONTEXT',
    'AGENT_SYSTEM_PROMPT',
  ]),
  allow_backends: names(
    'Backend that sessions may use; default: all that are found',
    'allow-backend',
    [],
  ),
  allow_args: Type.Array(Type.String({ maxLength: 4096, pattern: '^[a-z][a-z0-9._-]{0,63}:.+$' }), {
    description:
      'Argument that a request may add for a CLI; BACKEND:ARGUMENT, or BACKEND:BEGINNING*',
    flag: 'allow-arg',
    default: [],
    maxItems: 256,
  }),
  claude_command: command('claude', 'Claude Code'),
  codex_command: command('codex', 'Codex'),
  opencode_command: command('opencode', 'OpenCode'),
  gemini_command: command('gemini', 'Gemini CLI'),
  acp_agents: named(
    AcpAgentSettings,
    'Further agents of the Agent Client Protocol, by the name of their backend; as a flag: JSON',
  ),
  stdio_commands: named(
    StdioCommand,
    'Programs that read and write lines, by the name of their backend; as a flag: JSON',
  ),
  start_ms: Type.Integer({
    minimum: 100,
    default: 60_000,
    description: 'A CLI that is not ready after this has failed to start, ms',
  }),
  stop_ms: Type.Integer({
    minimum: 0,
    default: 5000,
    description: 'A CLI that is told to stop may finish for this long before SIGTERM, ms',
  }),
  quiet_tell_ms: quiet(60_000, 'told of in its stream'),
  quiet_interrupt_ms: quiet(1_800_000, 'interrupted'),
  quiet_stop_ms: Type.Integer({
    minimum: 0,
    default: 60_000,
    description:
      'An agent that stays quiet for this after such an interrupt is stopped, ms; 0: never',
  }),
  session_buffer_bytes: Type.Integer({
    minimum: 65_536,
    default: BUFFER_LIMITS.sessionBytes,
    description:
      'A session that holds this much which the broker has not on disk is not read on, bytes',
  }),
  buffer_bytes: Type.Integer({
    minimum: 65_536,
    default: BUFFER_LIMITS.allBytes,
    description: 'The same for all sessions together, bytes',
  }),
  ...processSettings('host', 'registered'),
})
export type HostSettings = Static<typeof HostSettings>

export interface HostConfig extends HostSettings {
  readonly places: Places
  readonly access: AccessSettings
  readonly name: string
  readonly slots: number
  readonly roots: string[]
}

/** Sessions per processor when nobody says: agents mostly wait for a model. */
const SLOTS_PER_CPU = 8

/** Throws BAD_CONFIG. */
export function hostConfig(sources: SettingSources & { readonly env: Environment }): HostConfig {
  const settings = resolveSettings(HostSettings, sources)
  const place = placeOf(sources)
  return {
    ...settings,
    ...seenFromHere(settings),
    places: resolvePlaces(sources.env, place),
    access: place,
    name: settings.name ?? machineName(),
    slots: settings.slots ?? SLOTS_PER_CPU * cpus().length,
    roots: settings.roots.length > 0 ? settings.roots : usualRoots(),
  }
}

/**
 * Without those that this machine does not have. A service often begins in `/`, and an account without a home
 * may have it there: that everything is allowed is not to be had by accident.
 */
export function usualRoots(): string[] {
  return [homedir(), process.cwd(), tmpdir()].filter((path) => path !== '/' && isDirectory(path))
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory()
  } catch {
    return false
  }
}

/** Under which name the own key is kept. */
export function keyName(host: string): string {
  return `host-${host}`
}

export function quietTimes(config: HostConfig): QuietTimes {
  const { quiet_tell_ms, quiet_interrupt_ms, quiet_stop_ms } = config
  return { tellMs: quiet_tell_ms, interruptMs: quiet_interrupt_ms, stopMs: quiet_stop_ms }
}

/** What of the config is for the backends. */
export function backendOptions(config: HostConfig): BackendOptions {
  return {
    claude: { command: config.claude_command },
    codex: { command: config.codex_command },
    opencode: { command: config.opencode_command },
    gemini: { command: config.gemini_command },
    acpAgents: config.acp_agents,
    stdioCommands: config.stdio_commands,
  }
}

function machineName(): string {
  return (
    hostname()
      .replace(/[^A-Za-z0-9._-]/g, '-')
      .replace(/^[^A-Za-z0-9]+/, '') || 'host'
  )
}
