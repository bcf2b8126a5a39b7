/** One line to the Unix socket, and all that comes back until the server closes. */
import { connect } from 'node:net'
import type { Json } from '../exact-json.ts'
import type { Answer } from '../expectation.ts'
import { bodyText } from './http.ts'
import { ANSWER_MS } from './patience.ts'

export async function sendUnix(path: string, send: Json): Promise<Answer> {
  const text = await exchange(path, `${bodyText(send)}\n`)
  if (text === '') return { silent: true, eof: true }
  const [line = '', ...more] = text.split('\n')
  // One line and its end; whatever else came is part of what is compared.
  const isOne = more.length === 1 && more[0] === ''
  return { body: isOne ? line : text, eof: true }
}

/** Rejects when the server keeps the connection open. */
async function exchange(path: string, text: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    const parts: Buffer[] = []
    const socket = connect(path)
    socket.setTimeout(ANSWER_MS, () => socket.destroy(new Error('the server did not close')))
    socket.on('data', (part: Buffer) => parts.push(part))
    socket.on('end', () => resolve(Buffer.concat(parts).toString('utf8')))
    socket.on('error', reject)
    socket.write(text)
  })
}
