/** What the lines of a CLI mean on the chat stream: to the old daemon, and here. */
import { isArray, isObject, type Json, type JsonObject, parseExact } from './exact-json.ts'

type Chunk = JsonObject

/** As the old daemon published them: every line by itself, every message the end of a turn. */
export function legacyChunksOf(lines: readonly Json[]): readonly Chunk[] {
  const chunks = messagesOf(lines).flatMap((message): readonly Chunk[] => {
    switch (message['type']) {
      case 'assistant':
        return [...contentOf(message).flatMap(legacyItem), END]
      case 'content_block_delta':
        return pieceOf(message)
      case 'message_stop':
        return [END]
      case 'result':
        return message['is_error'] === true ? [errorOf(textOf(message, 'error') ?? UNKNOWN)] : []
      default:
        return []
    }
  })
  return [...chunks, { type: 'complete', exit_code: 0 }]
}

/** As they are published here, but for the end of the CLI. */
export function chunksOf(lines: readonly Json[]): readonly Chunk[] {
  const turn = new Turn()
  for (const message of messagesOf(lines)) turn.take(message)
  turn.end()
  return joined(turn.chunks.filter(({ content }) => content !== ''))
}

/** Pieces of one text that follow each other are one: how it is cut is a matter of moments. */
function joined(chunks: readonly Chunk[]): readonly Chunk[] {
  const all: Chunk[] = []
  for (const chunk of chunks) {
    const last = all.at(-1)
    const isMore = TEXTS.has(chunk['type'] ?? null) && last?.['type'] === chunk['type']
    const before = last && textOf(last, 'content')
    const after = textOf(chunk, 'content')
    if (!isMore || before === undefined || after === undefined) all.push(chunk)
    else all[all.length - 1] = { ...chunk, content: before + after }
  }
  return all
}

const TEXTS: ReadonlySet<Json> = new Set(['text', 'thinking'])

const END: Chunk = { type: 'turn_complete', turn_number: 0 }
const UNKNOWN = 'Unknown error'
const errorOf = (message: string): Chunk => ({ type: 'error', message })

function messagesOf(lines: readonly Json[]): readonly JsonObject[] {
  return lines.map(parsed).filter(isObject)
}

function parsed(line: Json): Json {
  try {
    return typeof line === 'string' ? parseExact(line) : line
  } catch {
    return null
  }
}

function contentOf({ message }: JsonObject): readonly JsonObject[] {
  const content = isObject(message) ? message['content'] : undefined
  return isArray(content) ? content.filter(isObject) : []
}

function textOf(object: JsonObject, name: string): string | undefined {
  const value = object[name]
  return typeof value === 'string' ? value : undefined
}

function legacyItem(item: JsonObject): readonly Chunk[] {
  const { type, input } = item
  if (type === 'text' || type === 'thinking') {
    const content = textOf(item, type)
    return content === undefined ? [] : [{ type, content }]
  }
  if (type !== 'tool_use') return []
  const tool_id = textOf(item, 'id') ?? ''
  const start = { type: 'tool_use_start', tool_name: textOf(item, 'name') ?? 'unknown', tool_id }
  return input === undefined ? [start] : [start, { type: 'tool_use_input', tool_id, input }]
}

function pieceOf({ delta }: JsonObject): readonly Chunk[] {
  if (!isObject(delta)) return []
  for (const type of ['thinking', 'text'] as const) {
    const content = textOf(delta, type)
    if (content !== undefined) return [{ type, content }]
  }
  return []
}

/** One turn: it ends with its result line, or with the CLI. What comes after that belongs to none. */
class Turn {
  readonly chunks: Chunk[] = []
  /** Calls that were told; whether each has its result. */
  readonly #calls = new Map<string, boolean>()
  /** Pieces of the message that is being told, which may come once more as a whole. */
  readonly #pieces = { text: '', thinking: '' }
  #hasText = false
  #isOver = false

  take(message: JsonObject): void {
    if (message['type'] === 'assistant') for (const item of contentOf(message)) this.#item(item)
    if (message['type'] === 'user') for (const item of contentOf(message)) this.#result(item)
    if (message['type'] === 'content_block_delta') this.#piece(message)
    if (message['type'] === 'result') this.#resultLine(message)
  }

  end(): void {
    this.#close()
    if (!this.#isOver) this.chunks.push({ ...END, turn_number: 1 })
    this.#isOver = true
  }

  #piece(message: JsonObject): void {
    for (const chunk of pieceOf(message)) {
      const { type } = chunk
      if (type === 'text' || type === 'thinking')
        this.#pieces[type] += textOf(chunk, 'content') ?? ''
      this.#say(chunk)
    }
  }

  #item(item: JsonObject): void {
    const [chunk, input] = legacyItem(item)
    if (chunk === undefined) return
    if (chunk['type'] === 'tool_use_start') this.#call(chunk, input)
    else this.#whole(chunk)
  }

  /** Of what was told in pieces only the rest is news. */
  #whole(chunk: Chunk): void {
    const { type, content } = chunk
    if ((type !== 'text' && type !== 'thinking') || typeof content !== 'string') return
    const told = this.#pieces[type]
    this.#pieces[type] = ''
    this.#say(content.startsWith(told) ? { ...chunk, content: content.slice(told.length) } : chunk)
  }

  #say(chunk: Chunk): void {
    if (chunk['type'] === 'text' && chunk['content'] !== '') this.#hasText = true
    this.chunks.push(chunk)
  }

  /** A call is told once, however often its line comes. */
  #call(start: Chunk, input: Chunk | undefined): void {
    const id = textOf(start, 'tool_id') ?? ''
    if (this.#calls.has(id)) return
    this.#calls.set(id, false)
    this.chunks.push(start)
    if (input) this.chunks.push(input)
  }

  #result(item: JsonObject): void {
    const id = textOf(item, 'tool_use_id') ?? ''
    if (item['type'] !== 'tool_result' || this.#calls.get(id) === true) return
    this.#calls.set(id, true)
    this.#settle(id, resultText(item['content']), item['is_error'] === true)
  }

  #settle(tool_id: string, result: string, is_error: boolean): void {
    this.chunks.push({ type: 'tool_result', tool_id, result, is_error })
  }

  #resultLine(message: JsonObject): void {
    const said = textOf(message, 'error') || textOf(message, 'result')
    const subtype = textOf(message, 'subtype') ?? ''
    const isLimit = subtype === 'error_max_turns'
    const isError = !isLimit && (message['is_error'] === true || subtype.startsWith('error'))
    if (!isError && !isLimit && !this.#hasText && said) this.#say({ type: 'text', content: said })
    this.#close()
    if (isError) this.chunks.push(errorOf(said || '<string>'))
    if (!this.#isOver) this.chunks.push({ ...END, turn_number: 1 })
    this.#isOver = true
  }

  /** Calls without a result get one that says so. */
  #close(): void {
    for (const [id, isSettled] of this.#calls) {
      if (!isSettled) this.#settle(id, 'interrupted', true)
      this.#calls.set(id, true)
    }
    this.#hasText = false
    this.#pieces.text = ''
    this.#pieces.thinking = ''
  }
}

/** The text of its blocks; others are told by what they are. */
function resultText(content: Json | undefined): string {
  if (typeof content === 'string') return content
  const blocks = isArray(content) ? content.filter(isObject) : []
  return blocks
    .map((block) => textOf(block, 'text') ?? `[${textOf(block, 'type') ?? 'unknown'}]`)
    .join('\n')
}
