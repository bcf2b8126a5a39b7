/** What a program without ZeroMQ does: one question to the HTTP door of the shim. */

import { ProtocolError } from '../../../protocol/errors.ts'
import { matches } from '../../../protocol/schema.ts'
import { Type } from '../../../protocol/typebox.ts'
import type { Output } from '../output.ts'

const QUESTION = { jsonrpc: '2.0', method: 'agent.list', id: 1 } as const

const Answer = Type.Object({
  result: Type.Object({
    agents: Type.Array(Type.Object({ name: Type.String(), status: Type.String() })),
  }),
})

/** Shows the question, which can be typed as it stands, and the answer. */
export async function askDoor(url: string, output: Output): Promise<void> {
  const body = JSON.stringify(QUESTION)
  output.line(`${output.style.bold('›')} curl -d '${body}' ${url}`)
  const response = await fetch(url, { method: 'POST', body })
  const answer: unknown = await response.json()
  if (!matches(Answer, answer)) {
    const reason = `${url} answered ${JSON.stringify(answer)}`
    throw new ProtocolError('INTERNAL', { reason }, { where: 'cli' })
  }
  const agents = answer.result.agents.map(({ name, status }) => `${name} (${status})`)
  output.line(output.style.dim(`· agents over HTTP: ${agents.join(', ')}`))
}
