/** What pause, resume and attach answer on HTTP, where the old daemon knew no such methods. */
import { isArray, isObject, type Json, type JsonObject, writeExact } from './exact-json.ts'
import type { Vector } from './vector.ts'

export const CONTROLS = [
  'agent.pause',
  'agent.resume',
  'agent.attach.request',
  'agent.attach.validate',
  'agent.attach.revoke',
]

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

const error = (code: Json, message: string): JsonObject => ({ error: { code, message } })

/** `result` or `error`; as on the Unix socket, but that parameters may be named too. */
export function controlAnswer(method: string, params: Json, { setup }: Vector): JsonObject {
  const [id, second] = isArray(params) ? params : []
  const named = isObject(params) ? params : {}
  const subject = id ?? named['agent_id'] ?? named['token']
  if (typeof subject !== 'string') return error('<int>', '<string>')
  if (method === 'agent.attach.validate') {
    return setup === undefined
      ? { result: { agent_id: null, expires_at: null, valid: false } }
      : { result: { agent_id: '<any>', expires_at: null, valid: '<bool>' } }
  }
  if (method === 'agent.attach.revoke') {
    return { result: { revoked: setup === undefined ? false : '<bool>' } }
  }
  if (!UUID.test(subject)) return error('<int>', '<string>')
  if (setup === undefined) return error(-32002, `Agent not found: ${subject}`)
  const isForced = (second ?? named['force']) === true
  const isPaused = /agent\.pause|paused?\b/.test(writeExact(setup as Json))
  return agentAnswer(method, { agent_id: subject, isForced, isPaused })
}

interface Agent {
  readonly agent_id: string
  readonly isForced: boolean
  readonly isPaused: boolean
}

function agentAnswer(method: string, { agent_id, isForced, isPaused }: Agent): JsonObject {
  const pause_mode = isForced ? 'forced' : 'cooperative'
  switch (method) {
    case 'agent.pause':
      return isPaused
        ? error(-32013, 'Agent is not running (status: Paused)')
        : { result: { agent_id, pause_mode, paused_at: '<int>' } }
    case 'agent.resume':
      return isPaused
        ? { result: { agent_id, resumed_at: '<int>' } }
        : error(-32014, 'Agent is not paused (status: <string>)')
    default:
      return isPaused
        ? { result: { agent_id, token: '<uuid>', connect_url: '<string>', expires_at: '<int>' } }
        : error(-32015, 'Cannot attach to agent that is not paused (status: <string>)')
  }
}
