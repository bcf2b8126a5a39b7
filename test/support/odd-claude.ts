/** A program that passes for Claude Code until it is started; the model says what is odd about it. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

const MODES = {
  hang: `console.error('waiting for a login')`,
  refuse: `console.error('you shall not pass'); process.exit(1)`,
  deaf: `process.stdin.once('data', (line) => {
    const { request_id } = JSON.parse(line)
    const response = { subtype: 'success', request_id, response: {} }
    require('node:fs').closeSync(0) // first, or the prompt might still find its way in
    console.log(JSON.stringify({ type: 'control_response', response }))
  })`,
}

export type OddMode = keyof typeof MODES

/** Writes it into the directory and returns its path. */
export function oddClaude(directory: string): string {
  const path = join(directory, 'odd-claude.cjs')
  const modes = Object.entries(MODES).map(([name, code]) => `${name}: () => { ${code} }`)
  const script = `#!${process.execPath}
if (process.argv.includes('--version')) {
  console.log('1.2.3')
} else {
  setInterval(() => {}, 1e6)
  const modes = { ${modes.join(',\n')} }
  modes[process.argv[process.argv.indexOf('--model') + 1]]()
}
`
  writeFileSync(path, script, { mode: 0o755 })
  return path
}
