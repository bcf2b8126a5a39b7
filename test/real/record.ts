/**
 * Keeps what a real CLI said for the tests that play it back: with AGENTMQ_RECORD=1 a passing test
 * writes its conversation into test/fixtures. Its .events.json is then written by hand, or reviewed.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Test } from 'tap'
import type { Conversation } from '../support/conversation.ts'
import { format } from '../support/transcript.ts'
import type { CliName } from './clis.ts'
import { FAKE_KEY, type RealEnvironment } from './environment.ts'

export interface Ground extends RealEnvironment {
  readonly modelUrl: string
}

// Compiled, this file lies in dist/test/real, but fixtures stay in the sources.
const FIXTURES = new URL('../../../test/fixtures/', import.meta.url)

/** Called at the end of a test, when all that was said has been said. */
export function keep(t: Test, cli: CliName, name: string, talk: Conversation, at: Ground): void {
  if (process.env['AGENTMQ_RECORD'] !== '1' || !t.passing()) return
  const path = fileURLToPath(new URL(`${cli}/${name}.transcript.ndjson`, FIXTURES))
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, scrub(format(talk.transcript), at))
}

/** Nothing of this machine stays in a fixture. */
function scrub(source: string, { workspace, home, modelUrl }: Ground): string {
  return source
    .replaceAll(workspace, '$WORK')
    .replaceAll(home, '$HOME')
    .replaceAll(modelUrl, '$MODEL')
    .replaceAll(FAKE_KEY, '$KEY')
    .replaceAll(`"serverName":"${hostname()}"`, '"serverName":"$MACHINE"')
}
