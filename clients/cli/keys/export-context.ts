/** `agentmq keys export-context`: what another machine runs to join, printed for people to copy. */
import type { Client } from '../../sdk/index.ts'
import type { Cli } from '../command.ts'
import { EXIT } from '../exit-codes.ts'
import { commandFor } from '../session-text.ts'
import { type JoinLines, joinLines } from './join-lines.ts'

export interface ExportFlags {
  /** Of the context. */
  readonly name?: string | undefined
  /** How this command reached the broker. */
  readonly endpoint: string
}

export async function exportContext(client: Client, flags: ExportFlags, cli: Cli): Promise<number> {
  const { door } = await client.call('key.list', { limit: 1 }, { signal: cli.signal })
  const lines = joinLines(door, flags)
  const { output } = cli
  if (output.json) output.record(lines)
  else for (const line of textOf(lines, cli)) output.line(line)
  if (lines.server_is_guess) tellGuess(lines, cli)
  return EXIT.ok
}

/** Comments for a shell between the lines, so that all of it may be pasted. */
function textOf({ client, host }: JoinLines, { globals }: Cli): string[] {
  const approve = (role: string) =>
    commandFor(`keys approve FINGERPRINT --as NAME --role ${role}`, globals)
  return [
    '# On another machine, to talk to this broker from there:',
    client,
    '# On another machine, to run agents there:',
    host,
    '# Then here, with the fingerprint that the other machine shows:',
    `# ${approve('operator')}`,
    `# ${approve('host')}`,
  ]
}

function tellGuess({ server }: JoinLines, { output }: Cli): void {
  output.note(
    `· ${server} is a guess; --advertise tcp://NAME:PORT of the broker says it for certain`,
  )
}
