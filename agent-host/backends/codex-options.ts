/**
 * What a session asks for, in the words of Codex (0.169.0). Its permissions are two settings: when to
 * ask (approval policy) and what a command may touch at all (sandbox). A permission mode is one word
 * of either, or one of each joined by `+`; the words of Claude Code stand for the nearest pair.
 */
import { ProtocolError } from '../../protocol/errors.ts'
import type { ThinkingLevel } from '../../protocol/methods/session.ts'
import type { StartOptions } from './backend.ts'
import { entryOf, type JsonRecord } from './json.ts'

type Policy = 'untrusted' | 'on-request' | 'never'
type Sandbox = 'read-only' | 'workspace-write' | 'danger-full-access'

/** What is left out stays as the config of Codex has it. */
export interface Permissions {
  readonly approvalPolicy?: Policy
  readonly sandbox?: Sandbox
}

const WORDS: Readonly<Record<string, Permissions>> = {
  default: {},
  untrusted: { approvalPolicy: 'untrusted' },
  'on-request': { approvalPolicy: 'on-request' },
  never: { approvalPolicy: 'never' },
  'read-only': { sandbox: 'read-only' },
  'workspace-write': { sandbox: 'workspace-write' },
  'danger-full-access': { sandbox: 'danger-full-access' },
  plan: { approvalPolicy: 'on-request', sandbox: 'read-only' },
  acceptEdits: { approvalPolicy: 'on-request', sandbox: 'workspace-write' },
  bypassPermissions: { approvalPolicy: 'never', sandbox: 'danger-full-access' },
}

/** Codex has no level for no reasoning at all that every model takes. */
const EFFORTS: Readonly<Record<ThinkingLevel, string>> = {
  off: 'low',
  low: 'low',
  medium: 'medium',
  high: 'high',
  max: 'xhigh',
}

/** Undefined for a mode that is none. */
export function permissionsOf(mode: string): Permissions | undefined {
  const parts = mode.split('+').map((word) => entryOf(WORDS, word))
  const permissions: Permissions = Object.assign({}, ...parts)
  const said = parts.flatMap((part) => (part ? Object.keys(part) : ['unknown', 'unknown']))
  return new Set(said).size === said.length ? permissions : undefined
}

/** Refuses what Codex cannot do. Throws INVALID_PARAMS. */
export function checkOptions(options: StartOptions): void {
  const { permissionMode, maxTurns, allowedTools = [] } = options
  if (permissionMode !== undefined && permissionsOf(permissionMode) === undefined) {
    const words = Object.keys(WORDS).join(', ')
    refuse(`/permission_mode: ${permissionMode} is none of ${words}, nor two of them joined by +`)
  }
  if (maxTurns !== undefined) refuse('/max_turns: codex does not count them')
  if (allowedTools.length > 0) {
    refuse('/allowed_tools: codex has no such list; choose a permission mode')
  }
}

/** Parameters of `thread/start`, and with `threadId` of `thread/resume`. */
export function threadParams(options: StartOptions, permissions: Permissions): JsonRecord {
  const { cwd, model, systemPrompt } = options
  return {
    ...(options.resume && { threadId: options.nativeSessionId, excludeTurns: true }),
    cwd,
    ...(model !== undefined && { model }),
    ...(systemPrompt !== undefined && { developerInstructions: systemPrompt }),
    ...permissions,
  }
}

/** Settings of a turn and of all that follow; `changed` is what they were set to since the start. */
export function turnSettings({ thinking }: StartOptions, changed?: Permissions): JsonRecord {
  const { approvalPolicy, sandbox } = changed ?? {}
  return {
    ...(thinking !== undefined && { effort: EFFORTS[thinking] }),
    ...(approvalPolicy !== undefined && { approvalPolicy }),
    ...(sandbox !== undefined && { sandboxPolicy: SANDBOX_POLICIES[sandbox] }),
  }
}

/** A turn wants the sandbox spelled out. */
const SANDBOX_POLICIES: Readonly<Record<Sandbox, JsonRecord>> = {
  'read-only': { type: 'readOnly', networkAccess: false },
  'workspace-write': {
    type: 'workspaceWrite',
    writableRoots: [],
    networkAccess: false,
    excludeTmpdirEnvVar: false,
    excludeSlashTmp: false,
  },
  'danger-full-access': { type: 'dangerFullAccess' },
}

function refuse(reason: string): never {
  const details = { method: 'session.create', reason }
  throw new ProtocolError('INVALID_PARAMS', details, { where: 'host' })
}
