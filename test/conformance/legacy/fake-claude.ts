/**
 * A `claude` on PATH: it speaks what the backend needs before a turn, and then prints the lines of a
 * case and exits as the case says. Without a script it answers every prompt and stays.
 */
import { chmodSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

export interface ClaudeScript {
  readonly lines: readonly string[]
  readonly end: { readonly code: number } | { readonly signal: string }
}

const SCRIPT = 'script.json'

/** Writes the program into the directory. */
export function installClaude(directory: string): void {
  const path = join(directory, 'claude')
  writeFileSync(path, program(join(directory, SCRIPT)))
  chmodSync(path, 0o755)
}

/** What it will say to the next prompt; undefined: its short answer. */
export function scriptClaude(directory: string, script: ClaudeScript | undefined): void {
  const path = join(directory, SCRIPT)
  if (script === undefined) {
    rmSync(path, { force: true })
    return
  }
  writeFileSync(`${path}.new`, JSON.stringify(script))
  renameSync(`${path}.new`, path)
}

function program(script: string): string {
  return `#!${process.execPath}
const { existsSync, readFileSync, writeSync } = require('node:fs')
const { createInterface } = require('node:readline')
if (process.argv.includes('--version')) {
  console.log('2.1.330 (Claude Code)')
  process.exit(0)
}
const at = process.argv.findIndex((word) => word === '--session-id' || word === '--resume')
const session_id = process.argv[at + 1]
const say = (line) => {
  let bytes = Buffer.from(line + '\\n')
  while (bytes.length > 0) bytes = bytes.subarray(writeSync(1, bytes))
}
const tell = (message) => say(JSON.stringify({ ...message, session_id }))
function answer() {
  const content = [{ type: 'text', text: 'Done.' }]
  tell({ type: 'system', subtype: 'init', model: 'fake' })
  tell({ type: 'assistant', message: { id: 'm1', role: 'assistant', content } })
  const usage = { input_tokens: 1, output_tokens: 1 }
  tell({ type: 'result', subtype: 'success', is_error: false, result: 'Done.', usage })
}
function play({ lines, end }) {
  for (const line of lines) say(line)
  if (end.signal) process.kill(process.pid, end.signal)
  else process.exit(end.code)
}
createInterface({ input: process.stdin }).on('line', (line) => {
  const message = JSON.parse(line)
  if (message.type === 'control_request') {
    const { request_id } = message
    tell({ type: 'control_response', response: { subtype: 'success', request_id, response: {} } })
  } else if (message.type === 'user') {
    const script = ${JSON.stringify(script)}
    if (existsSync(script)) play(JSON.parse(readFileSync(script, 'utf8')))
    else answer()
  }
}).on('close', () => process.exit(0))
`
}
