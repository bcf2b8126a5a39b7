#!/usr/bin/env node
/**
 * The demo agent: a real child process that speaks Claude Code's stream-json protocol on stdin and
 * stdout, needs no account, and does on request whatever an agent can do to its host. It uses Node's
 * own modules only. directives.ts has the table of what a prompt can ask for.
 *
 * Arguments: --session-id ID | --resume ID, --model NAME, --permission-mode MODE, --allowedTools NAME...,
 * --version; others are taken and ignored.
 * Environment: AGENTMQ_DEMO_DELAY_MS (ms between words), AGENTMQ_DEMO_STATE (directory of histories),
 * AGENTMQ_DEMO_RECORD (directory for what it did, see recorder.ts).
 * Exit codes as the real CLI: 0, 1 when the last turn failed, 143 after SIGTERM.
 */
import { act } from './directives.ts'
import { History } from './history.ts'
import { Output } from './output.ts'
import { Permissions } from './permissions.ts'
import { Recorder } from './recorder.ts'
import { type Conversation, Turn } from './turn.ts'

const VERSION = '1.0.0'

interface Line {
  readonly type?: unknown
  readonly request_id?: unknown
  readonly request?: { readonly subtype?: unknown }
  readonly message?: { readonly content?: unknown }
  readonly response?: { readonly request_id?: unknown; readonly response?: object }
}

const output = new Output()
const prompts: string[] = []
let running: AbortController | undefined

function option(name: string): string | undefined {
  const at = process.argv.indexOf(name)
  return at === -1 ? undefined : process.argv[at + 1]
}

/** All that follows a flag up to the next one. */
function options(name: string): string[] {
  const at = process.argv.indexOf(name)
  const rest = at === -1 ? [] : process.argv.slice(at + 1)
  const end = rest.findIndex((argument) => argument.startsWith('-'))
  return end === -1 ? rest : rest.slice(0, end)
}

function refuse(message: string): never {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}

/** The conversation that the arguments ask for; undefined when the one to resume is not there. */
async function open(): Promise<Conversation | undefined> {
  const resumed = option('--resume')
  const sessionId = resumed ?? option('--session-id') ?? crypto.randomUUID()
  if (!/^[\w-]{1,100}$/.test(sessionId)) refuse('Error: Invalid session ID.')
  const history = recall(sessionId, resumed !== undefined)
  if (history !== undefined) {
    const record = Recorder.open(sessionId)
    const mode = option('--permission-mode') ?? 'default'
    const permissions = new Permissions(output, mode, options('--allowedTools'))
    const model = option('--model') ?? 'demo'
    return { sessionId, model, mode, output, history, record, permissions }
  }
  if (resumed === undefined) refuse(`Error: Session ID ${sessionId} is already in use.`)
  await output.send({
    type: 'result',
    subtype: 'error_during_execution',
    is_error: true,
    session_id: sessionId,
    errors: [`No conversation found with session ID: ${sessionId}`],
  })
  return undefined
}

function recall(sessionId: string, resumed: boolean): History | undefined {
  try {
    return resumed ? History.resume(sessionId) : History.begin(sessionId)
  } catch (error) {
    return refuse(String(error))
  }
}

async function runPrompts(conversation: Conversation): Promise<void> {
  if (running !== undefined) return
  for (let prompt = prompts.shift(); prompt !== undefined; prompt = prompts.shift()) {
    running = new AbortController()
    process.exitCode = (await runTurn(new Turn(prompt, conversation, running))) ? 0 : 1
    running = undefined
  }
}

async function runTurn(turn: Turn): Promise<boolean> {
  try {
    turn.conversation.history.add(turn.prompt)
    turn.conversation.record.prompt(turn.prompt)
    await turn.begin()
    await act(turn)
    turn.signal.throwIfAborted()
  } catch (error) {
    if (turn.signal.aborted) {
      await turn.interrupted()
      return false
    }
    await turn.fail({ status: null, message: `The demo agent failed: ${String(error)}` })
  }
  return turn.end()
}

function take(text: string, conversation: Conversation): void {
  if (text.trim() === '') return
  const line = parse(text)
  if (line.type === 'control_request') void control(line)
  if (line.type === 'control_response') {
    const { request_id, response = {} } = line.response ?? {}
    conversation.permissions.answered(String(request_id), response)
  }
  if (line.type !== 'user') return
  prompts.push(contentText(line.message?.content))
  void runPrompts(conversation)
}

function parse(text: string): Line {
  try {
    const line: unknown = JSON.parse(text)
    return typeof line === 'object' && line !== null ? line : {}
  } catch {
    return refuse('Error parsing streaming input line')
  }
}

function contentText(content: unknown): string {
  if (typeof content === 'string') return content
  if (!Array.isArray(content)) return ''
  return content.map((block: { text?: unknown } | null) => textOf(block?.text)).join('\n')
}

function textOf(text: unknown): string {
  return typeof text === 'string' ? text : ''
}

/** Answers first and acts then, in the order of the real CLI. */
async function control({ request_id, request }: Line): Promise<void> {
  const answers: Readonly<Record<string, object>> = {
    initialize: { commands: [], models: [{ value: 'demo' }], account: {} },
    interrupt: { still_queued: [] },
    set_model: {},
    set_permission_mode: {},
  }
  const subtype = String(request?.subtype)
  const answer = Object.hasOwn(answers, subtype) ? answers[subtype] : undefined
  const error = { error: `Unsupported control request subtype: ${subtype}` }
  const outcome = answer === undefined ? error : { response: answer }
  const response = { subtype: answer === undefined ? 'error' : 'success', request_id, ...outcome }
  await output.send({ type: 'control_response', response })
  if (subtype === 'interrupt') running?.abort()
}

/** Reads stdin by lines; its end lets the running turn finish and the process leave. */
function listen(conversation: Conversation): void {
  let pieces: string[] = []
  process.stdin.setEncoding('utf8').on('data', (chunk: string) => {
    const [head = '', ...lines] = chunk.split('\n')
    pieces.push(head)
    for (const line of lines) {
      take(pieces.join(''), conversation)
      pieces = [line]
    }
  })
}

if (process.argv.includes('--version')) {
  process.stdout.write(`${VERSION}\n`)
} else {
  process.on('SIGTERM', () => process.exit(143))
  process.stdout.on('error', () => process.exit(1)) // nobody reads any more
  const conversation = await open()
  if (conversation === undefined) process.exitCode = 1
  else listen(conversation)
}
