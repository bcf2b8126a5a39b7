/**
 * A ZMTP connection after its handshake: messages out and in, and what no message is. NULL and PLAIN
 * handshakes; that of CURVE is in curve.ts.
 */
import { PATIENCE_MS, ZmtpConnection } from './connection.ts'
import {
  command,
  DEALER,
  type Frame,
  frame,
  type Properties,
  parsedCommand,
  properties,
} from './wire.ts'

export interface Session {
  readonly connection: ZmtpConnection
  /** One message of one or more frames. */
  send(frames: readonly Uint8Array[]): void
  /** A command in the midst of messages. */
  command(name: string, data?: Uint8Array): void
  /** The frames of the next message; undefined when the other side has hung up. */
  receive(): Promise<readonly Buffer[] | undefined>
}

/** How a handshake ended. */
export type Outcome =
  | { readonly type: 'ready'; readonly session: Session }
  /** The other side hung up, or said ERROR. */
  | { readonly type: 'refused'; readonly reason: string }

export async function nullHandshake(
  endpoint: string,
  claims: Properties = DEALER,
): Promise<Outcome> {
  const connection = await ZmtpConnection.open(endpoint)
  const greeted = await connection.greet('NULL')
  if (!greeted) return { type: 'refused', reason: 'closed' }
  connection.write(frame(command('READY', properties(claims)), { isCommand: true }))
  return settled(connection, 'READY')
}

export async function plainHandshake(
  endpoint: string,
  { user, password }: { readonly user: string; readonly password: string },
): Promise<Outcome> {
  const connection = await ZmtpConnection.open(endpoint)
  const greeted = await connection.greet('PLAIN')
  if (!greeted) return { type: 'refused', reason: 'closed' }
  const sized = (text: string) => Buffer.concat([Buffer.of(text.length), Buffer.from(text)])
  const hello = command('HELLO', Buffer.concat([sized(user), sized(password)]))
  connection.write(frame(hello, { isCommand: true }))
  const answer = await settled(connection, 'WELCOME')
  if (answer.type === 'refused') return answer
  connection.write(frame(command('INITIATE', properties(DEALER)), { isCommand: true }))
  return settled(connection, 'READY')
}

async function settled(connection: ZmtpConnection, wanted: string): Promise<Outcome> {
  const answer = await connection.read()
  if (!answer) return { type: 'refused', reason: 'closed' }
  const { name, data } = parsedCommand(answer.body)
  if (name !== wanted) return { type: 'refused', reason: `${name} ${data.toString('latin1', 1)}` }
  return { type: 'ready', session: new PlainSession(connection) }
}

/** Frames as they are: after NULL or PLAIN. */
class PlainSession implements Session {
  readonly connection: ZmtpConnection

  constructor(connection: ZmtpConnection) {
    this.connection = connection
  }

  send(frames: readonly Uint8Array[]): void {
    const parts = frames.map((one, at) => frame(one, { hasMore: at < frames.length - 1 }))
    this.connection.write(Buffer.concat(parts))
  }

  command(name: string, data?: Uint8Array): void {
    this.connection.write(frame(command(name, data), { isCommand: true }))
  }

  receive(): Promise<readonly Buffer[] | undefined> {
    return gather(
      () => this.connection.read(),
      (data) => this.command('PONG', data),
    )
  }
}

/** Gathers the frames of a message; answers ZMTP heartbeats on the way. */
export async function gather(
  read: () => Promise<Frame | undefined>,
  pong: (context: Buffer) => void,
): Promise<readonly Buffer[] | undefined> {
  const frames: Buffer[] = []
  const until = performance.now() + PATIENCE_MS
  for (;;) {
    if (performance.now() > until) throw new Error('nothing but heartbeats of ZMTP')
    const next = await read()
    if (!next) return undefined
    if (next.isCommand) {
      const { name, data } = parsedCommand(next.body)
      if (name === 'PING') pong(data.subarray(2)) // behind its time to live
      continue
    }
    frames.push(next.body)
    if (!next.hasMore) return frames
  }
}
