/**
 * Agents that misbehave: they greet the host as Claude Code does, and then do what the test says with the
 * first prompt. Real processes, the real driver; only the program is another.
 */

import type { Backend } from '../../agent-host/backends/backend.ts'
import { createClaude } from '../../agent-host/backends/claude.ts'

/** At hand for the code of a test: `say`, `text`, `result`, and `prompts` for all after the first. */
const GREETING = `
const { spawn } = require('node:child_process')
const say = (message) => process.stdout.write(JSON.stringify(message) + '\\n')
const delta = (text) => ({ type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } })
const text = (content) => say({ type: 'stream_event', event: delta(content) })
const result = (more = {}) => say({ type: 'result', subtype: 'success', is_error: false, ...more })
require('node:readline').createInterface({ input: process.stdin }).on('line', (line) => {
  const { type, request_id } = JSON.parse(line)
  if (type === 'user') onPrompt()
  else say({ type: 'control_response', response: { subtype: 'success', request_id, response: {} } })
})
`

/** An agent that runs this JavaScript at each prompt. */
export function hostileAgent(onPrompt: string): Backend {
  return agentOf(`${GREETING} function onPrompt() { ${onPrompt} }`)
}

/** An agent that says it is ready and from then on never reads its stdin. */
export const unreadingAgent = agentOf(`
  process.stdin.once('data', (line) => {
    process.stdin.pause()
    const { request_id } = JSON.parse(line)
    const response = { subtype: 'success', request_id, response: {} }
    console.log(JSON.stringify({ type: 'control_response', response }))
    setInterval(() => {}, 1e6)
  })`)

function agentOf(script: string): Backend {
  const launch: Backend['launch'] = (command, { env }) => ({ command, args: ['-e', script], env })
  return { ...createClaude(), launch }
}
