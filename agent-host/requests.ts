/** What the broker asks of this host: the table of agent.* methods. */
import { randomBytes } from 'node:crypto'
import { ProtocolError } from '../protocol/errors.ts'
import { newUuid } from '../protocol/ids.ts'
import type { HostMethod, Params, Result } from '../protocol/methods/index.ts'
import { requireArguments, requireBackend } from './allowed.ts'
import type { StartOptions } from './backends/backend.ts'
import { type HostConfig, quietTimes } from './config.ts'
import { CONTROL_HANDLERS } from './control-requests.ts'
import { DELIVERY_MS, type Found, type Lease, type LiveSessions } from './live-sessions.ts'
import type { Exit, StartChild } from './process/child-process.ts'
import { childEnvironment } from './process/environment.ts'
import { sessionMarkers } from './process/markers.ts'
import type { StopContext } from './process/stop.ts'
import { happensWithin } from './process/timers.ts'
import type { RunnerOptions } from './session-runner.ts'
import { type Roots, usualDirectory, type WorkingDirectory } from './working-directory.ts'

export interface RequestContext {
  readonly hostId: string
  readonly config: HostConfig
  readonly roots: Roots
  readonly env: Readonly<Record<string, string | undefined>>
  readonly backends: ReadonlyMap<string, Found>
  readonly sessions: LiveSessions
  readonly stop: StopContext
  readonly startChild: StartChild
  readonly onChunks: (session: string) => void
  readonly onProgress: () => void
}

export type RequestHandler<M extends HostMethod> = (
  context: RequestContext,
  params: Params<M>,
  signal: AbortSignal,
) => Promise<Result<M>>

export const REQUEST_HANDLERS: { readonly [M in HostMethod]: RequestHandler<M> } = {
  'agent.start': start,
  'agent.prompt': prompt,
  'agent.interrupt': interrupt,
  'agent.answer': answer,
  'agent.stop': (context, lease) => end(context, lease, 'stop'),
  'agent.kill': (context, lease) => end(context, lease, 'kill'),
  ...CONTROL_HANDLERS,
}

async function start(
  context: RequestContext,
  params: Params<'agent.start'>,
  signal: AbortSignal,
): Promise<Result<'agent.start'>> {
  const { config, sessions } = context
  const found = backendFor(context, params.backend)
  requireArguments(config, params)
  const env = environmentFor(context, params)
  const place = context.roots.open(params.cwd ?? usualDirectory())
  const timeout = startTimeout(context, params.backend)
  try {
    const runner = await sessions.start(
      { ...runnerOptions(context, params, place), ...found, env },
      { signal: AbortSignal.any([signal, timeout.signal]), slots: config.slots },
    )
    return { pid: runner.pid ?? 0, native_session_id: runner.nativeSessionId, cwd: place.path }
  } finally {
    timeout.callOff()
    place.close()
  }
}

/** Throws NOT_ALLOWED or INVALID_PARAMS. */
function environmentFor({ config, env }: RequestContext, params: Params<'agent.start'>) {
  const { name, pass_env, allow_env } = config
  const rules = { hostId: name, passOn: pass_env, settable: allow_env }
  return childEnvironment(env, params.env ?? {}, rules)
}

function runnerOptions(
  context: RequestContext,
  params: Params<'agent.start'>,
  place: WorkingDirectory,
): Omit<RunnerOptions, 'backend' | 'command' | 'env'> {
  const { hostId, config, stop, startChild, onChunks, onProgress } = context
  const { session, epoch, turn } = params
  return {
    session,
    epoch,
    start: startOptions(params, place.path),
    entrance: place.entrance,
    markers: sessionMarkers(session, hostId, stop.tree.self()),
    startChild,
    stop,
    quiet: quietTimes(config),
    highestTurn: turn,
    newId: () => newUuid(randomBytes),
    onChunks: () => onChunks(session),
    onProgress,
  }
}

/** Looked at again with each start, whatever was told at registration. Throws NOT_ALLOWED or NO_BACKEND. */
function backendFor({ backends, config }: RequestContext, name: string) {
  requireBackend(config, name)
  const found = backends.get(name)
  const detection = found?.detection ?? {
    available: false,
    reason: `host ${config.name} has no such backend`,
  }
  if (found && detection.available) return { backend: found.backend, command: detection.command }
  const reason = detection.available ? '' : detection.reason
  throw new ProtocolError('NO_BACKEND', { backend: name, reason }, { where: 'host' })
}

function startOptions(params: Params<'agent.start'>, cwd: string): StartOptions {
  const { model, permission_mode, thinking, max_turns, allowed_tools } = params
  const { system_prompt, context, extra_args } = params
  return {
    session: params.session,
    cwd,
    env: params.env ?? {},
    nativeSessionId: params.native_session_id,
    // CLIs write down a conversation with its first turn: one that had none is begun again.
    resume: params.resume && params.turn > 0,
    ...(model !== undefined && { model }),
    ...(permission_mode !== undefined && { permissionMode: permission_mode }),
    ...(thinking !== undefined && { thinking }),
    ...(max_turns !== undefined && { maxTurns: max_turns }),
    ...(allowed_tools && { allowedTools: allowed_tools }),
    ...(system_prompt !== undefined && { systemPrompt: system_prompt }),
    ...(context !== undefined && { context }),
    ...(extra_args && { extraArgs: extra_args }),
  }
}

function startTimeout({ config, stop }: RequestContext, backend: string) {
  const { start_ms } = config
  const controller = new AbortController()
  const reason = `it was not ready after ${start_ms} ms`
  const error = new ProtocolError('START_FAILED', { backend, reason }, { where: 'host' })
  const callOff = stop.timers.after(start_ms, () => controller.abort(error))
  return { signal: controller.signal, callOff }
}

async function prompt({ sessions }: RequestContext, params: Params<'agent.prompt'>) {
  sessions.leased(params).prompt(params.turn, params.text, params.when_busy)
  return {}
}

async function interrupt({ sessions }: RequestContext, lease: Lease) {
  const turn = sessions.leased(lease).interrupt()
  return { interrupted: turn > 0, turn }
}

async function answer(
  { sessions }: RequestContext,
  { approval, decision, message, interrupt, ...lease }: Params<'agent.answer'>,
) {
  const applied = sessions.leased(lease).answer(approval, {
    decision,
    ...(message !== undefined && { message }),
    ...(interrupt !== undefined && { interrupt }),
  })
  return { applied }
}

async function end(
  { sessions, stop }: RequestContext,
  lease: Lease,
  how: 'stop' | 'kill',
): Promise<Result<'agent.stop'>> {
  const runner = sessions.leased(lease)
  const delivered = sessions.delivered(lease.session)
  const exit: Exit = await runner[how]()
  // Whoever asked should find the session ended when the answer comes.
  if (delivered) await happensWithin(stop.timers, delivered, DELIVERY_MS)
  return { exit_code: exit.exitCode, signal: exit.signal ?? '' }
}
