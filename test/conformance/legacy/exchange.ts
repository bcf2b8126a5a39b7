/** One send of a case over its transport, whichever that is. */
import { isArray, isObject, type Json, type JsonObject } from './exact-json.ts'
import { type Answer, answerJson } from './expectation.ts'
import { guiChunk } from './gui-decoder.ts'
import { sendHttp } from './senders/http.ts'
import { sendReq } from './senders/req-socket.ts'
import { ChatListener } from './senders/sub-socket.ts'
import { sendUnix } from './senders/unix.ts'
import { sendWs } from './senders/ws.ts'
import type { Precondition } from './setup-words.ts'
import type { Doors, Target } from './stack.ts'
import { atPath } from './values.ts'
import type { Transport } from './vector.ts'

export interface Exchange {
  readonly transport: Transport
  readonly send: Json
  readonly expect: JsonObject
  readonly words: readonly Precondition[]
  readonly happen: () => Promise<void>
  /** JSON-RPC to the letter. */
  readonly isStrict: boolean
}

/** Rejects when there is no answer, or no such door. */
export async function exchange(target: Target, what: Exchange): Promise<Answer> {
  const { transport, send } = what
  switch (transport) {
    case 'http':
      return await sendHttp(door(target, 'http'), send, what.isStrict ? '?strict=1' : '')
    case 'unix':
      return await sendUnix(door(target, 'unix'), send)
    case 'ws':
      return await sendWs(door(target, 'ws'), { ...what, happens: lastEvent(what.words) })
    case 'zmq-req':
      return await sendReq(door(target, 'rep'), send)
    case 'pub':
      return isObject(send) && 'stdout_lines' in send
        ? await chat(target, what, linesOf(send['stdout_lines']))
        : clientAnswer(send)
  }
}

function door(target: Target, name: keyof Doors): string {
  const address = target.doors[name]
  if (address === undefined) throw new Error(`the door ${name} is closed`)
  return address
}

/** What the GUI makes of a message. */
function clientAnswer(send: Json): Answer {
  if (!isObject(send)) throw new Error('a case of the GUI sends {frame} or {frames_multipart}')
  const { frame, frames_multipart: frames } = send
  const texts = frame === undefined ? linesOf(frames) : [typeof frame === 'string' ? frame : '']
  return { json: guiChunk(texts.map((text) => Buffer.from(text))) }
}

function linesOf(json: Json | undefined): string[] {
  if (!isArray(json)) throw new Error('there should be an array of texts')
  return json.map((line) => (typeof line === 'string' ? line : JSON.stringify(line)))
}

/** A chat from its creation to the end of its CLI, as somebody hears it who subscribes to it. */
async function chat(target: Target, { words }: Exchange, lines: string[]): Promise<Answer> {
  target.scriptClaude({ lines, end: endOf(words) })
  const isStarted = words.some((word) => word.is === 'chat' && word.way === 'start')
  const method = isStarted ? 'chat.start' : 'chat.create'
  const params = { working_dir: '.', ...(isStarted && { initial_prompt: 'hi' }) }
  const created = await rpc(target, method, params)
  const session = atPath(created, 'result.session_id')
  const topic = atPath(created, 'result.topic')
  if (typeof session !== 'string' || typeof topic !== 'string') {
    throw new Error(`${method} failed: ${JSON.stringify(created)}`)
  }
  const listener = await ChatListener.to(door(target, 'pub'), topic)
  try {
    if (!isStarted) await rpc(target, 'chat.prompt', { session_id: session, prompt: 'hi' })
    return { frames: await listener.frames() }
  } finally {
    listener.close()
  }
}

function lastEvent(words: readonly Precondition[]): string | undefined {
  return words.findLast((word) => word.is === 'event')?.event.event
}

function endOf(words: readonly Precondition[]): { code: number } | { signal: string } {
  for (const word of words) {
    if (word.is === 'claude exits') return { code: word.code }
    if (word.is === 'claude killed') return { signal: word.signal }
  }
  return { code: 0 }
}

async function rpc(target: Target, method: string, params: Json): Promise<Json> {
  const request = { jsonrpc: '2.0', method, params, id: 1 }
  const answer = await sendHttp(door(target, 'http'), request)
  return answerJson(answer) ?? answer.body ?? null
}
