/** The door on Unix sockets: JSON-RPC by lines, one exchange for each connection. */
import { createServer, type Server, type Socket } from 'node:net'
import { openAlias } from '../alias.ts'
import type { Door, DoorContext } from '../door.ts'
import { HeldBytes } from '../held-bytes.ts'
import { ControlService } from '../legacy/control.ts'
import { legacyPorts } from '../legacy/ports.ts'
import { errorReply } from '../legacy/reply.ts'
import { listenOn } from '../socket-file.ts'
import { answerLine } from './answer.ts'
import { exchange } from './exchange.ts'
import { UnixMethods } from './methods.ts'

export function unixDoor(context: DoorContext): Door {
  return new UnixDoor(context)
}

class UnixDoor implements Door {
  readonly name = 'unix'
  readonly #context: DoorContext
  readonly #methods: UnixMethods
  readonly #servers: Server[] = []
  readonly #addresses: string[] = []
  readonly #held: HeldBytes
  readonly #open = new Map<Socket, Promise<void>>()

  constructor(context: DoorContext) {
    this.#context = context
    this.#held = new HeldBytes(context.settings.unix_held_bytes)
    const ports = legacyPorts(context)
    this.#methods = new UnixMethods(ports, new ControlService(ports, context.attach))
  }

  get addresses(): readonly string[] {
    return this.#addresses
  }

  async start(): Promise<void> {
    const { unix_path, unix_alias_path } = this.#context.settings
    await this.#listen(unix_path)
    if (unix_alias_path === undefined) return
    await openAlias(this.#context, () => this.#listen(unix_alias_path))
  }

  async #listen(path: string): Promise<void> {
    const server = createServer({ allowHalfOpen: true }, (socket) => this.#take(socket))
    await listenOn(server, path)
    this.#servers.push(server)
    this.#addresses.push(`unix:${path}`)
  }

  #take(socket: Socket): void {
    const { settings, pause } = this.#context
    if (this.#open.size >= settings.unix_connections) {
      socket.on('error', () => undefined)
      socket.destroy()
      return
    }
    const limits = { lineBytes: settings.unix_line_bytes, idleMs: settings.unix_idle_ms }
    const ended = exchange(socket, limits, {
      pause,
      hold: (bytes, cut) => this.#held.hold(bytes, cut),
      answer: (line) => this.#answer(line),
      tooLong: () => {
        const message = `Invalid Request: a line has at most ${limits.lineBytes} bytes`
        return errorReply(null, { code: -32600, message })
      },
    })
    const gone = this.#context.metrics.connected()
    this.#open.set(
      socket,
      ended.then(() => {
        gone()
        this.#open.delete(socket)
      }),
    )
  }

  #answer(line: string): Promise<string | undefined> {
    const { batch_size: maxBatch, strict: isStrict } = this.#context.settings
    return answerLine(this.#methods, line, { maxBatch, isStrict })
  }

  /** What is under way gets its reply; whoever does not read it is not waited for. */
  async stop(): Promise<void> {
    const closed = this.#servers.splice(0).map(
      (server) =>
        new Promise<void>((resolve) => {
          server.close(() => resolve())
        }),
    )
    const { settings, pause } = this.#context
    const ended = new AbortController()
    const drained = Promise.all([...this.#open.values()]).then(() => ended.abort())
    const late = pause(settings.http_drain_ms, ended.signal).catch(() => undefined)
    await Promise.race([drained, late])
    for (const socket of this.#open.keys()) socket.destroy()
    await Promise.all(closed)
  }
}
