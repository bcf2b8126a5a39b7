/** HTTP requests as a case writes them: a connection of its own for each, nothing added but a length. */
import { type IncomingMessage, request } from 'node:http'
import { isObject, type Json, writeExact } from '../exact-json.ts'
import type { Answer } from '../expectation.ts'
import { ANSWER_MS } from './patience.ts'

interface HttpRequest {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | undefined
}

/** `query` is appended to the path. */
export async function sendHttp(base: string, send: Json, query = ''): Promise<Answer> {
  const { method, path, headers, body } = requestOf(send)
  const url = new URL(`${path}${query}`, base)
  const bytes = body === undefined ? undefined : Buffer.from(body)
  const length = bytes ? { 'content-length': String(bytes.length) } : {}
  return await new Promise((resolve, reject) => {
    const call = request(url, {
      method,
      agent: false,
      headers: { ...length, ...headers },
      timeout: ANSWER_MS,
    })
    call.on('response', (response) => {
      answerOf(response).then(resolve, reject)
    })
    call.on('timeout', () => call.destroy(new Error('no answer came in time')))
    call.on('error', reject)
    call.end(bytes)
  })
}

function requestOf(send: Json): HttpRequest {
  const http = isObject(send) ? send['http'] : undefined
  if (!isObject(http)) {
    const headers = { 'content-type': 'application/json' }
    return { method: 'POST', path: '/', headers, body: bodyText(send) }
  }
  const { method, path, body } = http
  return {
    method: typeof method === 'string' ? method : 'POST',
    path: typeof path === 'string' ? path : '/',
    headers: headersOf(http['headers']),
    body: body === undefined ? undefined : bodyText(body),
  }
}

function headersOf(headers: Json | undefined): Record<string, string> {
  if (!isObject(headers)) return {}
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name,
      typeof value === 'string' ? value : writeExact(value),
    ]),
  )
}

export function bodyText(body: Json): string {
  return typeof body === 'string' ? body : writeExact(body)
}

async function answerOf(response: IncomingMessage): Promise<Answer> {
  const parts: Buffer[] = []
  for await (const part of response) parts.push(part as Buffer)
  const contentType = response.headers['content-type']
  return {
    status: response.statusCode ?? 0,
    ...(contentType !== undefined && { contentType }),
    body: Buffer.concat(parts).toString('utf8'),
  }
}
