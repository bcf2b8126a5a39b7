/** A broker, a host and a shim as processes of their own, in a directory of their own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, realpath, rm } from 'node:fs/promises'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { type Client, connect } from '../../../clients/sdk/index.ts'
import { BARE_NODE } from '../../support/bare-node.ts'
import { emptyBroker } from './empty-broker.ts'
import { type ClaudeScript, installClaude, scriptClaude } from './fake-claude.ts'
import type { ServerAuth } from './tokens.ts'

const ENTRY = fileURLToPath(new URL('../../support/part.js', import.meta.url))

/** A part takes about a second to start; a busy machine is given much more. */
const READY_MS = 60_000

/** What must be decided before it starts. */
export interface StackKind {
  readonly auth?: ServerAuth
  /** Whether there is a `claude` on PATH. */
  readonly hasClaude: boolean
  readonly isPubTaken: boolean
  /** JSON-RPC to the letter for everybody. */
  readonly isStrict: boolean
}

/** Where the doors are. */
export interface Doors {
  readonly http: string
  readonly unix: string
  readonly ws: string
  readonly pub: string
  readonly rep: string
}

/** What the cases of a file are run against. */
export interface Target {
  /** A door that is missing is closed. */
  readonly doors: Partial<Doors>
  readonly auth: ServerAuth | undefined
  /** The native way to the same broker. */
  native(): Promise<Client>
  /** What `claude` says to the next prompts; undefined: a short answer. */
  scriptClaude(script: ClaudeScript | undefined): void
  end(): Promise<void>
}

export class Stack implements Target {
  readonly kind: StackKind
  readonly #dir: string
  readonly #programs: readonly string[]
  readonly #parts: ChildProcess[] = []
  #squatter: Server | undefined
  #client: Promise<Client> | undefined
  #doors: Partial<Doors> = {}

  private constructor(dir: string, kind: StackKind, programs: readonly string[]) {
    this.#dir = dir
    this.kind = kind
    this.#programs = programs
  }

  /** `programs`: what cases may run as `NAME-cli`. */
  static async start(kind: StackKind, programs: readonly string[]): Promise<Stack> {
    // Short, because the paths of sockets are limited to 107 bytes.
    const dir = await realpath(await mkdtemp(join(tmpdir(), 'amqc-')))
    const stack = new Stack(dir, kind, programs)
    try {
      await stack.#start()
      return stack
    } catch (error) {
      await stack.end()
      throw error
    }
  }

  get doors(): Partial<Doors> {
    return this.#doors
  }

  get auth(): ServerAuth | undefined {
    return this.kind.auth
  }

  native(): Promise<Client> {
    this.#client ??= connect({ dir: this.#dir })
    return this.#client
  }

  scriptClaude(script: ClaudeScript | undefined): void {
    scriptClaude(this.#bin, script)
  }

  /** Takes away what cases have left, so that it is as when it was started. */
  async empty(): Promise<void> {
    this.scriptClaude(undefined)
    await emptyBroker(await this.native())
  }

  get #bin(): string {
    return join(this.#dir, 'bin')
  }

  async #start(): Promise<void> {
    for (const name of ['bin', 'work', 'home']) await mkdir(join(this.#dir, name))
    if (this.kind.hasClaude) installClaude(this.#bin)
    await this.#part('broker', [])
    const [ready] = await Promise.all([this.#shim(), this.#host()])
    this.#doors = doorsOf(ready['doors'] as Readonly<Record<string, readonly string[]>>)
  }

  #host(): Promise<unknown> {
    const commands = this.#programs.map((name) => [
      name.toLowerCase(),
      { command: name, extra_args: true },
    ])
    const json = JSON.stringify(Object.fromEntries(commands))
    const flags = ['--stdio-commands', json, '--slots', '64', '--allow-env', '*']
    return this.#part('agent-host', flags)
  }

  async #shim(): Promise<Readonly<Record<string, unknown>>> {
    const { auth } = this.kind
    const ports = ['http', 'ws', 'rep', 'metrics'].flatMap((door) => [`--${door}-port`, '0'])
    const credentials = auth
      ? [
          '--enable-auth',
          '--jwt-secret',
          auth.secret,
          ...(auth.apiKey ? ['--api-key', auth.apiKey] : []),
        ]
      : []
    const pub = ['--pub-port', String(this.kind.isPubTaken ? await this.#squat() : 0)]
    const unix = ['--unix-path', join(this.#dir, 'rpc.sock')]
    const strict = this.kind.isStrict ? ['--strict'] : []
    const flags = [...ports, ...pub, ...unix, ...credentials, ...strict]
    return await this.#part('clients/shim', flags)
  }

  /** Takes a port. */
  async #squat(): Promise<number> {
    const server = createServer()
    this.#squatter = server
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const address = server.address()
    return typeof address === 'object' && address !== null ? address.port : 0
  }

  async #part(name: string, args: readonly string[]): Promise<Readonly<Record<string, unknown>>> {
    const log = join(this.#dir, `${name.replace('/', '-')}.log`)
    const flags = ['--dir', this.#dir, '--ready-fd', '3', '--exit-with-parent', '--log-file', log]
    const [command, ...before] = BARE_NODE
    const child = spawn(command, [...before, ENTRY, name, ...flags, ...args], {
      cwd: join(this.#dir, 'work'),
      env: this.#environment(),
      // Its stdin ends with this process, however that ends.
      stdio: ['pipe', 'ignore', 'pipe', 'pipe'],
    })
    this.#parts.push(child)
    return await readiness(name, child)
  }

  #environment(): NodeJS.ProcessEnv {
    const path = (process.env['PATH'] ?? '').split(delimiter)
    const others = path.filter((directory) => !existsSync(join(directory, 'claude')))
    return {
      PATH: [this.#bin, ...others].join(delimiter),
      HOME: join(this.#dir, 'home'),
      TMPDIR: tmpdir(),
      AGENTMQ_DEMO_DELAY_MS: '0',
      AGENTMQ_DEMO_STATE: join(this.#dir, 'demo'),
    }
  }

  /** The newest lines of every log, for a case that failed. */
  async logs(): Promise<string> {
    const texts = ['broker', 'agent-host', 'clients-shim'].map(async (name) => {
      const text = await readFile(join(this.#dir, `${name}.log`), 'utf8').catch(() => '')
      return `${name}:\n${text.split('\n').slice(-20).join('\n')}`
    })
    return (await Promise.all(texts)).join('\n')
  }

  async end(): Promise<void> {
    const client = await this.#client?.catch(() => undefined)
    await client?.close()
    this.#squatter?.close()
    // In the reverse order of starting, so that each can still say good bye.
    for (const child of this.#parts.splice(0).reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
    await rm(this.#dir, { recursive: true, force: true, maxRetries: 5 })
  }
}

async function readiness(
  name: string,
  child: ChildProcess,
): Promise<Readonly<Record<string, unknown>>> {
  const said: string[] = []
  child.stderr?.on('data', (data: Buffer) => said.push(data.toString()))
  const lines = createInterface({ input: child.stdio[3] as Readable })
  const timer = setTimeout(() => child.kill('SIGKILL'), READY_MS)
  const line = await Promise.race([
    once(lines, 'line').then(([text]) => String(text)),
    once(child, 'exit').then(([code, signal]) => {
      throw new Error(`${name} ended with ${code ?? signal}: ${said.join('')}`)
    }),
  ]).finally(() => clearTimeout(timer))
  return JSON.parse(line) as Record<string, unknown>
}

/** From what the shim told when it was ready. */
function doorsOf(addresses: Readonly<Record<string, readonly string[]>>): Partial<Doors> {
  const { http, unix, events, pub, rep } = addresses
  const found = {
    http: http?.[0],
    unix: unix?.[0]?.replace(/^unix:(?:\/\/)?/, ''),
    ws: events?.[0],
    pub: pub?.[0],
    rep: rep?.[0],
  }
  return Object.fromEntries(Object.entries(found).filter(([, address]) => address !== undefined))
}
