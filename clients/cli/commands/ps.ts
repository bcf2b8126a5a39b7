/** `agentmq ps`: the sessions that the broker knows. */
import type { Argv } from 'yargs'
import type { SessionInfo, SessionStatus } from '../../../protocol/methods/types.ts'
import type { ArgsOf, Cli, Globals } from '../command.ts'
import { withClient } from '../connection.ts'
import { EXIT } from '../exit-codes.ts'
import { exitText } from '../render/conversation-lines.ts'
import { duration } from '../render/durations.ts'
import { type Column, table } from '../render/table.ts'
import { listSessions } from '../session-list.ts'
import { hasEnded, paintStatus, shortId } from '../session-text.ts'

export const builder = (yargs: Argv<Globals>) =>
  yargs.option('all', {
    alias: 'a',
    type: 'boolean',
    default: false,
    describe: 'Also sessions that have ended',
  })

/** Those that `ps` shows without --all. */
export const LIVE: readonly SessionStatus[] = [
  'created',
  'starting',
  'idle',
  'running',
  'stopping',
  'lost',
]

export async function handler(args: ArgsOf<typeof builder>, cli: Cli): Promise<number> {
  return await withClient(cli, async (client) => {
    const sessions = await listSessions(client, args.all ? undefined : LIVE, cli.interrupts.signal)
    if (cli.output.json) cli.output.record({ sessions })
    else printTable(sessions, args.all, cli)
    return EXIT.ok
  })
}

function printTable(sessions: readonly SessionInfo[], isAll: boolean, cli: Cli): void {
  const { output } = cli
  if (sessions.length === 0) {
    const hint = isAll ? 'agentmq chat' : 'agentmq ps --all'
    output.note(isAll ? `no session yet; try \`${hint}\`` : `no live session; see \`${hint}\``)
    return
  }
  for (const line of table(columns(cli, Date.now()), sessions, output)) output.line(line)
}

function columns({ output }: Cli, now: number): readonly Column<SessionInfo>[] {
  return [
    { title: 'SESSION', value: (info) => shortId(info.session) },
    { title: 'NAME', value: (info) => info.name },
    {
      title: 'STATUS',
      value: (info) => (info.paused === '' ? info.status : `${info.status} (${info.paused})`),
      paint: (cell, info) => paintStatus(info.status, output.style)(cell),
    },
    { title: 'BACKEND', value: (info) => info.backend },
    { title: 'HOST', value: (info) => shortId(info.host) },
    { title: 'TURN', value: (info) => String(info.turn), align: 'right' },
    {
      title: 'ASKS',
      value: (info) => (info.pending_approvals > 0 ? String(info.pending_approvals) : ''),
      align: 'right',
      paint: (cell) => output.style.yellow(cell),
    },
    { title: 'PID', value: (info) => String(info.pid ?? ''), align: 'right' },
    { title: 'CPU', value: ({ usage }) => (usage ? duration(usage.cpu_ms) : ''), align: 'right' },
    {
      title: 'MEM',
      value: ({ usage }) => (usage ? mebibytes(usage.rss_bytes) : ''),
      align: 'right',
    },
    { title: 'SINCE', value: (info) => duration(now - info.changed_at), align: 'right' },
    { title: 'DIRECTORY', value: detail },
  ]
}

/** For a session that has ended, how; otherwise where it works. */
function detail(info: SessionInfo): string {
  if (!hasEnded(info.status)) return info.cwd
  return exitText({ exit_code: info.exit_code, signal: info.signal, reason: info.reason })
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1_048_576)}M`
}
