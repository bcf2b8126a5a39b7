/** Asks the Unix door of the shim for a token with which another program may attach to a paused session. */
import { createConnection } from 'node:net'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { ProtocolError } from '../../protocol/errors.ts'
import { matches } from '../../protocol/schema.ts'
import { type Static, Type } from '../../protocol/typebox.ts'
import type { Cli } from './command.ts'

const Credentials = Type.Object({
  agent_id: Type.String(),
  token: Type.String(),
  connect_url: Type.String(),
  expires_at: Type.Integer({ description: 'Seconds since 1970' }),
})
export type Credentials = Static<typeof Credentials>

const Answer = Type.Union([
  Type.Object({ result: Credentials }),
  Type.Object({ error: Type.Object({ code: Type.Integer(), message: Type.String() }) }),
])

/** Characters of an answer, which has some hundreds; a longer one is cut, and then no JSON. */
const MAX_ANSWER = 65_536

/** Where the shim of this user listens when no setting says otherwise. */
export function unixDoorPath(env: Cli['env']): string {
  const home = env['HOME'] || homedir()
  return env['AGENTMQ_UNIX_PATH'] || join(home, '.descartes', 'run', 'daemon.sock')
}

/** Throws UNREACHABLE when there is no shim, and INTERNAL with the words of one that refuses. */
export async function attachCredentials(
  { env, signal }: Pick<Cli, 'env' | 'signal'>,
  session: string,
  client: string,
): Promise<Credentials> {
  const path = unixDoorPath(env)
  const params = [session, client]
  const question = { jsonrpc: '2.0', method: 'agent.attach.request', params, id: 1 }
  const answer: unknown = JSON.parse(await ask(path, `${JSON.stringify(question)}\n`, signal))
  if (!matches(Answer, answer)) throw refused(`${path} answered ${JSON.stringify(answer)}`)
  if ('result' in answer) return answer.result
  throw refused(`RPC error (${answer.error.code}): ${answer.error.message}`)
}

/** One line, one answer, and the shim closes. */
async function ask(path: string, line: string, signal: AbortSignal): Promise<string> {
  const socket = createConnection({ path, signal })
  socket.write(line)
  try {
    let answer = ''
    for await (const piece of socket.setEncoding('utf8')) {
      answer += String(piece)
      if (answer.length > MAX_ANSWER) break
    }
    return answer
  } catch (cause) {
    const reason = 'no shim listens there'
    throw new ProtocolError('UNREACHABLE', { endpoint: path, reason }, { where: 'cli', cause })
  }
}

function refused(reason: string): ProtocolError {
  return new ProtocolError('INTERNAL', { reason }, { where: 'cli' })
}
