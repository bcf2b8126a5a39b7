/**
 * What a prompt can make the demo agent do. Each `@@name` or `@@name(argument)` in a prompt is run in
 * order; `@@help` prints this table. A prompt without one gets an ordinary answer.
 */
import { answer, createFile, listFiles, wordDelayMs } from './answer.ts'
import { Pacer } from './pacer.ts'
import type { Turn } from './turn.ts'

interface Directive {
  readonly argument?: string
  readonly about: string
  run(turn: Turn, argument: string): Promise<unknown>
}

const text = (turn: Turn, pieces: Iterable<string>, delayMs = 0): Promise<void> =>
  turn.say('text', pieces, delayMs)

const DIRECTIVES: Readonly<Record<string, Directive>> = {
  help: { about: 'print this table', run: (turn) => text(turn, [help()]) },
  echo: { argument: 'text', about: 'answer exactly this', run: (turn, it) => text(turn, [it]) },
  text: {
    argument: 'words',
    about: 'answer so many words',
    run: (turn, n) => text(turn, numbered('word', count(n, 10)), wordDelayMs()),
  },
  slow: {
    argument: 'words',
    about: 'so many words, 100 ms apart',
    run: (turn, n) => text(turn, numbered('word', count(n, 10)), 100),
  },
  count: {
    argument: 'n',
    about: 'the numbers 1 to n, each a delta, as fast as they are read',
    run: (turn, n) => text(turn, numbered('', count(n, 1000))),
  },
  pace: {
    argument: 'n, ms, bytes',
    about: 'the numbers 1 to n, so many ms apart (also 0.2), each filled up to so many bytes',
    run: (turn, argument) => pace(turn, argument),
  },
  alternate: {
    argument: 'n, ms',
    about: 'the numbers 1 to n as text and thinking in turn: each stays a chunk of its own',
    run: (turn, argument) => alternate(turn, argument),
  },
  huge: {
    argument: 'bytes',
    about: 'one text of so many bytes in deltas of 4 KiB',
    run: (turn, n) => text(turn, blocks(count(n, 1_000_000))),
  },
  line: {
    argument: 'bytes',
    about: 'one line of output of so many bytes',
    run: (turn, n) => oneLine(turn, count(n, 1_000_000)),
  },
  tool: {
    argument: 'name',
    about: 'call a tool of this name; it lists the working directory',
    run: (turn, name) => listFiles(turn, name || 'ListFiles'),
  },
  create: {
    argument: 'file',
    about: 'create this file, after asking whether it may',
    run: (turn, file) => createFile(turn, file || 'made-by-demo.txt'),
  },
  recall: { about: 'say how many turns it remembers', run: (turn) => text(turn, [recall(turn)]) },
  error: {
    argument: 'status',
    about: 'fail as if the API had given this HTTP status; 0 = no answer',
    run: (turn, status) => apiError(turn, count(status, 500)),
  },
  stderr: {
    argument: 'lines',
    about: 'write so many lines to stderr',
    run: async (_turn, n) => {
      for (const line of numbered('stderr line ', count(n, 10))) process.stderr.write(`${line}\n`)
    },
  },
  invalid: { about: 'bytes that are no UTF-8, a line that is no JSON, half a line', run: invalid },
  crash: {
    argument: 'code',
    about: 'exit with this code in the middle of a line',
    run: async (turn, code) => {
      await turn.conversation.output.flush('{"type":"stream_event","event":{"type":"content_bl')
      process.exit(count(code, 1))
    },
  },
  die: {
    argument: 'signal',
    about: 'send itself this signal',
    run: async (turn, signal) => {
      process.kill(process.pid, signal || 'SIGKILL')
      await hang(turn)
    },
  },
  hang: { about: 'never answer; an interrupt still ends the turn', run: hang },
  'ignore-term': { about: 'from now on ignore SIGTERM and the end of stdin', run: ignoreTerm },
  fork: { about: 'leave a process behind that holds stdout open', run: fork },
}

/** Runs what the prompt asks for. Rejects when the turn's signal is aborted. */
export async function act(turn: Turn): Promise<void> {
  const found = directivesIn(turn.prompt)
  if (found.length === 0) return answer(turn)
  for (const { directive, argument } of found) await directive.run(turn, argument)
}

function directivesIn(prompt: string): { directive: Directive; argument: string }[] {
  const found: { directive: Directive; argument: string }[] = []
  const pattern = /@@([a-z-]+)/g
  for (let match = pattern.exec(prompt); match !== null; match = pattern.exec(prompt)) {
    const name = match[1] ?? ''
    const directive = Object.hasOwn(DIRECTIVES, name) ? DIRECTIVES[name] : undefined
    if (directive === undefined) continue
    const argument = argumentAt(prompt, pattern.lastIndex)
    // What stands in parentheses is taken as it is, directives too.
    if (argument !== undefined) pattern.lastIndex += argument.length + 2
    found.push({ directive, argument: argument ?? '' })
  }
  return found
}

/** The text up to the parenthesis that closes the one at `at`; undefined when there is none. */
function argumentAt(prompt: string, at: number): string | undefined {
  if (prompt[at] !== '(') return undefined
  let depth = 0
  for (let end = at; end < prompt.length; end++) {
    if (prompt[end] === '(') depth++
    if (prompt[end] === ')' && --depth === 0) return prompt.slice(at + 1, end)
  }
  return undefined
}

function help(): string {
  const rows = Object.entries(DIRECTIVES).map(([name, { argument, about }]) => {
    const usage = `@@${name}${argument === undefined ? '' : `(${argument})`}`
    return `${usage.padEnd(16)} ${about}`
  })
  return ['Put any of these into a prompt; several run in order.', ...rows].join('\n')
}

function count(argument: string, otherwise: number): number {
  const number = Number(argument.trim().replaceAll('_', '') || otherwise)
  return Number.isSafeInteger(number) && number >= 0 ? number : otherwise
}

function* numbered(prefix: string, n: number): Generator<string> {
  for (let i = 1; i <= n; i++) yield `${prefix}${i} `
}

function pace(turn: Turn, argument: string): Promise<void> {
  const [n = '', ms = '', bytes = ''] = argument.split(',')
  const delayMs = Number(ms)
  const pieces = filled(numbered('', count(n, 100)), count(bytes, 0))
  return text(turn, pieces, delayMs >= 0 ? delayMs : 0)
}

/** A message of the API does not have blocks without end. */
const BLOCKS_OF_A_MESSAGE = 100

async function alternate(turn: Turn, argument: string): Promise<void> {
  const [n = '', ms = ''] = argument.split(',')
  const pacer = new Pacer(Number(ms) >= 0 ? Number(ms) : 0, turn.signal)
  let said = 0
  for (const piece of numbered('', count(n, 100))) {
    await pacer.next()
    await turn.say(said % 2 === 0 ? 'text' : 'thinking', [piece], 0)
    said += 1
    if (said % BLOCKS_OF_A_MESSAGE === 0) await turn.nextMessage()
  }
}

function* filled(pieces: Iterable<string>, bytes: number): Generator<string> {
  for (const piece of pieces) yield piece.padEnd(bytes)
}

function* blocks(bytes: number): Generator<string> {
  const block = `${'0123456789abcde '.repeat(256)}`
  for (let left = bytes; left > 0; left -= block.length) yield block.slice(0, left)
}

async function oneLine(turn: Turn, bytes: number): Promise<void> {
  const message = { type: 'system', subtype: 'padding', data: '' }
  const padding = Math.max(0, bytes - JSON.stringify(message).length)
  await turn.conversation.output.send({ ...message, data: 'x'.repeat(padding) })
}

function recall(turn: Turn): string {
  const earlier = turn.conversation.history.earlier()
  const last = earlier.at(-1)
  const quote = last === undefined ? '' : ` The last one was: ${last}`
  return `I remember ${earlier.length} earlier turns.${quote}`
}

async function apiError(turn: Turn, code: number): Promise<void> {
  const status = code === 0 ? null : code
  const retry = { attempt: 1, max_retries: 1, retry_delay_ms: 0, error_status: status }
  await turn.send({ type: 'system', subtype: 'api_retry', ...retry, error: 'unknown' })
  const how = status === null ? 'Connection refused' : `${status} as you asked`
  await turn.fail({ status, message: `API Error: ${how} (demo agent)` })
}

async function invalid(turn: Turn): Promise<void> {
  const { output } = turn.conversation
  await output.raw(Uint8Array.from([0xff, 0xfe, 0xc3, 0x28, 0x0a]))
  await output.raw('this line is not JSON\n')
  await output.raw('{"type":"stream_event","event":{"type":"content_bl\n')
  await output.raw('[]\n\n"text"\n')
}

async function hang(turn: Turn): Promise<void> {
  turn.signal.throwIfAborted()
  const keepAlive = setInterval(() => {}, 1 << 30)
  await new Promise((resolve) => turn.signal.addEventListener('abort', resolve))
  clearInterval(keepAlive)
  turn.signal.throwIfAborted()
}

async function ignoreTerm(): Promise<void> {
  process.removeAllListeners('SIGTERM')
  process.on('SIGTERM', () => {})
  setInterval(() => {}, 1 << 30)
}

async function fork(turn: Turn): Promise<void> {
  const { spawn } = await import('node:child_process')
  await turn.tool('Fork', { command: 'sleep 3600' }, async () => {
    const stdio = ['ignore', 'inherit', 'ignore'] as const
    const left = spawn('sleep', ['3600'], { detached: true, stdio: [...stdio] })
    left.on('error', () => {})
    left.unref()
    return `left process ${left.pid} behind`
  })
}
