/** One life of a host: the real dialogue, sessions, logs and queues, with scripted agents as children. */

import { Dialogue } from '../../agent-host/dialogue.ts'
import { BUFFER_LIMITS } from '../../agent-host/held-bytes.ts'
import type { Found } from '../../agent-host/live-sessions.ts'
import { ProcessTree } from '../../agent-host/process/process-tree.ts'
import { REQUEST_HANDLERS, type RequestContext } from '../../agent-host/requests.ts'
import { Roots } from '../../agent-host/working-directory.ts'
import type { HostMethod, Params, Result } from '../../protocol/methods/index.ts'
import type { Network, SimDealer } from './network.ts'
import type { Life, Scheduler } from './scheduler.ts'
import { type AgentWatch, SimAgent, simBackend } from './sim-agent.ts'

const TICK_MS = 100
const SLOTS = 6

export interface SimHostOptions {
  readonly life: Life
  readonly scheduler: Scheduler
  readonly network: Network
  readonly watch: AgentWatch
  readonly nextNumber: () => number
}

const found: Found = {
  backend: simBackend,
  detection: { available: true, version: '1', command: 'sim' },
}

export class SimHost {
  readonly dialogue: Dialogue
  readonly agents = new Set<SimAgent>()
  readonly #options: SimHostOptions
  #dealer: SimDealer | undefined
  readonly #context: RequestContext

  constructor(options: SimHostOptions) {
    this.#options = options
    const { life, scheduler, network } = options
    const { name } = life
    this.dialogue = new Dialogue({
      endpoint: 'sim:router',
      dealer: (_endpoint, handlers) => {
        this.#dealer = network.dealer(life, handlers)
        return this.#dealer
      },
      timers: life,
      random: scheduler.random,
      registration: () => registration(name),
      health: () => ({ loop_lag_ms: 0, progress_age_ms: -1 }),
      run: (method, params, signal) => this.#run(method, params, signal),
      notice: ({ type }) => scheduler.trace(`${name} ${type}`),
      buffers: BUFFER_LIMITS,
      log: { debug: ignore, info: ignore, warn: ignore, error: ignore },
    })
    this.#context = this.#requestContext()
    life.onEnd(() => this.#endAgents())
    this.dialogue.start()
    life.every(TICK_MS, () => this.dialogue.tick(life.now()))
  }

  get dealer(): SimDealer | undefined {
    return this.#dealer
  }

  /** The guardian ends what a killed host leaves behind. */
  #endAgents(): void {
    for (const agent of this.agents) agent.alive = false
  }

  #run<M extends HostMethod>(
    method: M,
    params: Params<M>,
    signal: AbortSignal,
  ): Promise<Result<M>> {
    return REQUEST_HANDLERS[method](this.#context, withEpoch(method, params), signal)
  }

  #requestContext(): RequestContext {
    const { life, scheduler, watch, nextNumber } = this.#options
    return {
      hostId: life.name,
      config: hostConfig(life.name),
      roots: new Roots(['/'], life.name),
      env: {},
      backends: new Map([['sim', found]]),
      sessions: this.dialogue.sessions,
      stop: { tree: new ProcessTree('/there-is-no-proc'), timers: life },
      startChild: async (child, events) => {
        const place = { host: life.name, life, scheduler, watch, number: nextNumber() }
        const agent = new SimAgent(place, child, events)
        this.agents.add(agent)
        void agent.exited.then(() => this.agents.delete(agent))
        return agent
      },
      onChunks: () => this.dialogue.pump(),
      onProgress: ignore,
    }
  }
}

function ignore(): void {}

/** The agent has to know under which lease it runs; a real one would not. */
function withEpoch<M extends HostMethod>(method: M, params: Params<M>): Params<M> {
  if (method !== 'agent.start') return params
  return { ...params, extra_args: [String(params.epoch)], cwd: '/' }
}

function registration(name: string) {
  return {
    host: `id-${name}`,
    name,
    labels: [],
    slots: SLOTS,
    backends: [
      {
        name: 'sim',
        title: 'simulated',
        available: true,
        version: '1',
        reason: '',
        capabilities: [],
      },
    ],
    software: 'simulated',
    pid: 1,
  }
}

function hostConfig(name: string): RequestContext['config'] {
  return {
    session_buffer_bytes: BUFFER_LIMITS.sessionBytes,
    buffer_bytes: BUFFER_LIMITS.allBytes,
    name,
    slots: SLOTS,
    labels: [],
    roots: ['/'],
    pass_env: [],
    allow_env: [],
    allow_backends: [],
    allow_args: ['sim:*'],
    claude_command: '',
    opencode_command: '',
    gemini_command: '',
    acp_agents: {},
    stdio_commands: {},
    codex_command: '',
    start_ms: 60_000,
    stop_ms: 5000,
    quiet_tell_ms: 0, // what a simulated agent keeps to itself is part of the plan
    quiet_interrupt_ms: 0,
    quiet_stop_ms: 0,
    log_level: 'silent',
    exit_with_parent: false,
    places: { endpoint: 'sim:router', stateDir: '', runtimeDir: '', streams: '' },
    access: {},
  }
}
