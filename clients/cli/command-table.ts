/** The table of commands. A command's file is loaded when it is used, so that `--help` is quick. */
import type { CommandModule } from './command.ts'

export interface CommandEntry {
  /** The verb and its positionals, in the notation of yargs. */
  readonly usage: string
  readonly describe: string
  readonly examples: readonly (readonly [command: string, what: string])[]
  readonly load: () => Promise<CommandModule>
}

export const COMMANDS = {
  up: {
    usage: 'up',
    describe: 'Run a broker, a host and the shim on this machine, and keep them running',
    examples: [
      ['agentmq up', 'Start; Ctrl-C stops all'],
      ['agentmq up --no-shim', 'Without doors for HTTP and the clients of the old daemon'],
      ['agentmq up --dir /tmp/try --slots 4', 'Apart from the usual one'],
      [
        'agentmq up --listen tcp://0.0.0.0:19700 --advertise tcp://lab:19700',
        'For other machines too; prints how they join',
      ],
    ],
    load: () => import('./commands/up.ts'),
  },
  broker: {
    usage: 'broker',
    describe: 'Run the broker in this process',
    examples: [['agentmq broker --help', 'Its flags']],
    load: () => import('./commands/part.ts'),
  },
  host: {
    usage: 'host',
    describe: 'Run an agent host in this process',
    examples: [
      ['agentmq host --name lab --label gpu', 'Join the broker of this machine'],
      ['agentmq host --context lab', 'Join that of another one, which has to approve its key'],
    ],
    load: () => import('./commands/part.ts'),
  },
  shim: {
    usage: 'shim',
    describe: 'Run the doors for HTTP, WebSocket, Unix sockets and the clients of the old daemon',
    examples: [['agentmq shim --no-rep --http-port 8080', 'All doors but one, HTTP elsewhere']],
    load: () => import('./commands/part.ts'),
  },
  chat: {
    usage: 'chat [prompt..]',
    describe: 'Talk to an agent',
    examples: [
      ['agentmq chat', 'A conversation; Ctrl-C interrupts a turn, /help shows more'],
      ['agentmq chat --session blue', 'Come back to one'],
      ['echo "What is in this directory?" | agentmq chat --backend claude', 'From a script'],
    ],
    load: () => import('./commands/chat.ts'),
  },
  spawn: {
    usage: 'spawn [prompt..]',
    describe: 'Start an agent and leave it running',
    examples: [['agentmq spawn --backend claude --name blue "Fix the build"', 'Prints its id']],
    load: () => import('./commands/spawn.ts'),
  },
  prompt: {
    usage: 'prompt <session> [text..]',
    describe: 'Give a session a prompt and follow the turn',
    examples: [
      ['agentmq prompt blue "Now run the tests"', 'Ends when the turn ends'],
      ['git diff | agentmq prompt blue -', 'The prompt from stdin'],
      ['agentmq prompt blue --no-wait "And then commit"', 'Do not wait for the turn'],
    ],
    load: () => import('./commands/prompt.ts'),
  },
  ps: {
    usage: 'ps',
    describe: 'List sessions',
    examples: [
      ['agentmq ps', 'Those that have not ended'],
      ['agentmq ps --all --json', 'All of them, for programs'],
    ],
    load: () => import('./commands/ps.ts'),
  },
  logs: {
    usage: 'logs <session>',
    describe: 'Show the conversation of a session from the journal',
    examples: [
      ['agentmq logs blue', 'All of it'],
      ['agentmq logs blue -f --since 120', 'From chunk 120, and what comes'],
      ['agentmq logs blue --json', 'One chunk a line'],
    ],
    load: () => import('./commands/logs.ts'),
  },
  output: {
    usage: 'output <session>',
    describe: 'Look through what an agent wrote, line by line',
    examples: [
      ['agentmq output blue --grep "error|warning" -i', 'Lines with a match (RE2 syntax)'],
      ['agentmq output blue --stream stderr --limit 20', 'The first diagnostics'],
    ],
    load: () => import('./commands/output.ts'),
  },
  attach: {
    usage: 'attach <session>',
    describe: 'Join a running conversation: see it so far, follow, and type prompts',
    examples: [['agentmq attach blue --last 50', 'Begin with the last 50 chunks']],
    load: () => import('./commands/attach.ts'),
  },
  approvals: {
    usage: 'approvals',
    describe: 'List what agents ask and nobody has answered yet',
    examples: [
      ['agentmq approvals', ''],
      ['agentmq approvals -f --json', 'One line for each question and each answer, as they come'],
    ],
    load: () => import('./commands/approvals.ts'),
  },
  approve: {
    usage: 'approve <approval..>',
    describe: 'Let agents do what they ask for; the first answer counts',
    examples: [
      ['agentmq approve 1f3a9c2e', 'By the beginning of its id'],
      ['agentmq approve blue --always', 'The one that waits in this session, and all like it'],
    ],
    load: () => import('./commands/approve.ts'),
  },
  deny: {
    usage: 'deny <approval..>',
    describe: 'Keep agents from what they ask for',
    examples: [
      ['agentmq deny 1f3a9c2e --message "use the trash"', 'The agent goes on with that'],
      ['agentmq deny blue --interrupt', 'And end its turn'],
    ],
    load: () => import('./commands/deny.ts'),
  },
  interrupt: {
    usage: 'interrupt <session..>',
    describe: 'End the running turn; the session lives on',
    examples: [['agentmq interrupt blue', '']],
    load: () => import('./commands/interrupt.ts'),
  },
  stop: {
    usage: 'stop <session..>',
    describe: 'End sessions step by step: interrupt, end of input, SIGTERM, SIGKILL',
    examples: [['agentmq stop blue green', '']],
    load: () => import('./commands/stop.ts'),
  },
  kill: {
    usage: 'kill <session..>',
    describe: 'End sessions and all their processes at once',
    examples: [['agentmq kill blue', '']],
    load: () => import('./commands/kill.ts'),
  },
  pause: {
    usage: 'pause <session..>',
    describe: 'Let sessions wait: no turn begins until they are resumed',
    examples: [
      ['agentmq pause blue', 'The running turn goes on to its end'],
      ['agentmq pause blue --freeze', 'Stop its processes in their tracks (SIGSTOP)'],
    ],
    load: () => import('./commands/pause.ts'),
  },
  resume: {
    usage: 'resume <session..>',
    describe: 'Let paused sessions go on',
    examples: [['agentmq resume blue', '']],
    load: () => import('./commands/resume.ts'),
  },
  signal: {
    usage: 'signal <signal> <session..>',
    describe: 'Send a signal to the processes of sessions',
    examples: [['agentmq signal SIGUSR1 blue', '']],
    load: () => import('./commands/signal.ts'),
  },
  write: {
    usage: 'write <session> [line..]',
    describe: 'Write a line to the stdin of a program that reads plain lines',
    examples: [['agentmq write repl "print(1)"', '']],
    load: () => import('./commands/write.ts'),
  },
  mode: {
    usage: 'mode <mode> <session..>',
    describe: 'Change the permission mode of live sessions',
    examples: [['agentmq mode plan blue', 'Claude Code: look, but do not touch']],
    load: () => import('./commands/mode.ts'),
  },
  batch: {
    usage: 'batch <action> [session..]',
    describe: 'Do the same to many sessions in one request',
    examples: [
      ['agentmq batch interrupt --all', 'End every running turn'],
      ['agentmq batch prompt red blue --text "Commit what you have"', ''],
      ['agentmq batch stop --all --backend codex --fail-fast', 'One after the other'],
    ],
    load: () => import('./commands/batch.ts'),
  },
  workflow: {
    usage: 'workflow <action> [what]',
    describe: 'Run prompts that depend on each other, and see how far they are',
    examples: [
      ['agentmq workflow run review.json --input branch=main', 'Shows what happens, to the end'],
      ['agentmq workflow run - --detach < review.json', 'Prints the id of the execution'],
      ['agentmq workflow list', ''],
      ['agentmq workflow show 3f2a', 'With what each step said'],
      ['agentmq workflow cancel 3f2a', ''],
    ],
    load: () => import('./commands/workflow.ts'),
  },
  recover: {
    usage: 'recover <session..>',
    describe: 'Go on with the conversation of sessions whose process is gone',
    examples: [['agentmq recover blue', '']],
    load: () => import('./commands/recover.ts'),
  },
  remove: {
    usage: 'remove [session..]',
    describe: 'Take sessions that have ended away, with all that was said in them',
    examples: [
      ['agentmq remove blue', 'Its name is free again'],
      ['agentmq remove --all-ended', ''],
      ['agentmq remove --force blue', 'Though its host is lost and may have it still'],
    ],
    load: () => import('./commands/remove.ts'),
  },
  rename: {
    usage: 'rename <session> <name>',
    describe: 'Give a session another name',
    examples: [['agentmq rename blue green', '']],
    load: () => import('./commands/rename.ts'),
  },
  tasks: {
    usage: 'tasks <verb> [what..]',
    describe: 'Tasks that people and agents share: list, show, add, update, approve, reject, rm',
    examples: [
      ['agentmq tasks add "Paint the fence" --assigned-to anna', 'Prints its id'],
      ['agentmq tasks list --status todo --status blocked', 'The one that changed last first'],
      ['agentmq tasks update 1f3a9c2e --status done', 'By the beginning of its id'],
      ['agentmq tasks approve 1f3a9c2e', 'It is in progress; reject blocks it'],
    ],
    load: () => import('./commands/tasks.ts'),
  },
  state: {
    usage: 'state <verb> [what..]',
    describe: 'The key-value state that programs share: get, set, delete, list',
    examples: [
      [`agentmq state set build/last '{"ok":true}'`, 'Any JSON'],
      ['agentmq state set lock anna --text --if-version 0', 'Only if there is no such key'],
      ['agentmq state get build/last', 'Its value as JSON; --json shows its version too'],
      ['agentmq state list build/ --values', 'Keys that begin with it'],
    ],
    load: () => import('./commands/state.ts'),
  },
  events: {
    usage: 'events',
    describe: 'Follow what happens to sessions, tasks, keys, workflows and hosts',
    examples: [
      ['agentmq events', 'From now on'],
      ['agentmq events --since 1 --once --json', 'All that is kept, for programs'],
      ['agentmq events --topic task --topic host', ''],
    ],
    load: () => import('./commands/events.ts'),
  },
  audit: {
    usage: 'audit <verb>',
    describe: 'Who did what and what came of it: read, or verify that nothing was changed',
    examples: [
      ['agentmq audit read --since 2h', 'What was done in the last two hours'],
      ['agentmq audit read --session blue --method session. --json', 'For programs'],
      ['agentmq audit read --principal anna -f', 'And what comes'],
      ['agentmq audit verify', 'Is the chain of hashes intact? Keep elsewhere what it calls last'],
      ['agentmq audit verify --expect 812:5f0c…', 'Is it that chain still?'],
      ['agentmq audit verify --journal-dir DIR', 'While no broker runs'],
    ],
    load: () => import('./commands/audit.ts'),
  },
  hosts: {
    usage: 'hosts',
    describe: 'List agent hosts, what they can run, and the evidence that they are well',
    examples: [
      ['agentmq hosts', ''],
      ['agentmq hosts --backends', 'Every backend, and why one is not available'],
    ],
    load: () => import('./commands/hosts.ts'),
  },
  drain: {
    usage: 'drain <host>',
    describe: 'Give a host no new sessions, before it is shut down',
    examples: [
      ['agentmq drain lab', 'Those that it has go on'],
      ['agentmq drain lab --wait', 'Until the last of them has ended'],
      ['agentmq drain lab --stop', 'Stop them, step by step'],
    ],
    load: () => import('./commands/drain.ts'),
  },
  undrain: {
    usage: 'undrain <host>',
    describe: 'Let a host take sessions again',
    examples: [['agentmq undrain lab', '']],
    load: () => import('./commands/undrain.ts'),
  },
  doctor: {
    usage: 'doctor',
    describe: 'Look for what keeps agentmq from working, and say what to do',
    examples: [
      ['agentmq doctor', 'From this machine to the agents'],
      ['agentmq doctor --context lab', 'The same for a broker elsewhere'],
      ['agentmq doctor --json', 'For a script; ends with 1 when there is a problem'],
    ],
    load: () => import('./commands/doctor.ts'),
  },
  readers: {
    usage: 'readers [session]',
    describe: 'List who follows sessions, and how many chunks each is behind',
    examples: [
      ['agentmq readers', 'The one that is furthest behind comes first'],
      ['agentmq readers blue --json', 'For a script'],
    ],
    load: () => import('./commands/readers.ts'),
  },
  metrics: {
    usage: 'metrics',
    describe: 'Print the figures of the broker in the text format of Prometheus',
    examples: [['agentmq metrics | grep lag', 'docs/metrics.md says what each means']],
    load: () => import('./commands/metrics.ts'),
  },
  keys: {
    usage: 'keys <verb> [what]',
    describe: 'Who may come over a network: keys of the broker, of people, of hosts',
    examples: [
      ['agentmq keys export-context', 'What another machine runs to join'],
      ['agentmq keys pending', 'Keys that knock and are not known'],
      ['agentmq keys approve 1f3a9 --as east --role host', 'By the beginning of its fingerprint'],
      ['agentmq keys add anna --from anna.pub --role observer', 'What `keys show` wrote there'],
      ['agentmq keys list', 'The door of the network, and everybody with their rights'],
      ['agentmq keys revoke east', 'Ends its connections at once'],
      ['agentmq keys rotate begin', 'A new key for the broker; finish makes it the one'],
      ['agentmq keys init', 'Make the key of the broker before it runs'],
      ['agentmq keys show', 'The own public key of this machine'],
    ],
    load: () => import('./commands/keys.ts'),
  },
  context: {
    usage: 'context <verb> [name]',
    describe: 'Names for brokers, here or on other machines: add, list, show, use, remove',
    examples: [
      [
        `agentmq context add lab --server tcp://lab:19700 --key='rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7'`,
        'As `agentmq keys export-context` prints it there',
      ],
      ['agentmq ps --context lab', 'One command'],
      ['agentmq context use lab', 'Every command; --none goes back to the broker of this machine'],
      ['agentmq context list', ''],
    ],
    load: () => import('./commands/context.ts'),
  },
  journal: {
    usage: 'journal <verb>',
    describe:
      'Look after the journal of a broker on this machine: verify, audit, stats, export, compact',
    examples: [
      ['agentmq journal verify', 'Is every record intact? Also beside a running broker'],
      ['agentmq journal export --session blue > blue.jsonl', 'One conversation, a chunk a line'],
      ['agentmq journal compact', 'Give free pages back to the disk; stop the broker first'],
    ],
    load: () => import('./commands/part.ts'),
  },
} as const satisfies Record<string, CommandEntry>

export type CommandName = keyof typeof COMMANDS

export const COMMAND_NAMES = Object.keys(COMMANDS) as readonly CommandName[]

export function isCommand(word: string): word is CommandName {
  return Object.hasOwn(COMMANDS, word)
}
