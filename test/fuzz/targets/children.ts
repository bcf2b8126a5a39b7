/**
 * What the CLIs say (agent-host/backends): bytes of stdout to lines, lines to events, events to chunks. The
 * recorded conversations with everything done to them that a torn pipe, another version or an enemy could do.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { BackendEvent, Driver } from '../../../agent-host/backends/backend.ts'
import { createBackends } from '../../../agent-host/backends/index.ts'
import { createStdio } from '../../../agent-host/backends/stdio.ts'
import { ChunkLog } from '../../../agent-host/chunk-log.ts'
import { LineReader } from '../../../agent-host/process/line-reader.ts'
import { chunkOf } from '../../../agent-host/session-chunks.ts'
import { decodeChunk } from '../../../protocol/messages/chunk-decoding.ts'
import { NO_CHILD } from '../../support/driver-port.ts'
import { asLine, type Entry, read, type Transcript, type Wish } from '../../support/transcript.ts'
import { DAMAGES, damage, isOrderly } from '../../support/transcript-player.ts'
import type { Case } from '../case.ts'
import { mutateLine } from '../mutate-json.ts'
import type { Random } from '../random.ts'
import { must, type Target } from '../target.ts'

const FIXTURES = fileURLToPath(new URL('../../../../test/fixtures', import.meta.url))
const { claude, codex, opencode, gemini } = createBackends()
const stdio = createStdio('stdio', { command: 'cat', turn_end: 'line', end_line: 'END' } as never)
const BACKENDS = [claude, codex, opencode, gemini, stdio] as const

/** Longest line that the reader takes here: a small one, so that its limit is met. */
const MAX_LINE_BYTES = 256 * 1024

/** The first byte of a piece: bytes of stdout, or a wish of the host as JSON. */
const STDOUT = 0
const WISH = 1

type Names = readonly [backend: number, transcript: Transcript]

/** Pieces: the number of the backend and whether it resumes, then what comes in which order. */
export function childrenTarget(): Target {
  const recorded = BACKENDS.flatMap((backend, index) =>
    transcriptsOf(backend.name).map((transcript): Names => [index, transcript]),
  )
  return {
    name: 'children',
    about:
      'output of claude, codex, ACP agents and plain programs: no throw, whole turns and tools',
    lifetime: 1000,
    generate: (random) => generate(random.pick(recorded), random),
    open: () => ({ run: play }),
  }
}

function transcriptsOf(backend: string): readonly Transcript[] {
  if (backend === 'stdio') return [PLAIN]
  const folder = join(FIXTURES, backend)
  const files = readdirSync(folder).filter((file) => file.endsWith('.ndjson'))
  return files.map((file) => {
    const text = readFileSync(join(folder, file), 'utf8')
    return backend === 'claude' ? conversation(text) : read(text)
  })
}

const OPENING = { nativeSessionId: 'native', resume: false, options: {} }

const PLAIN: Transcript = {
  opening: OPENING,
  entries: [{ do: 'start' }, { do: 'prompt', text: 'go' }, { out: 'hi' }, { out: 'END' }],
}

/** Lines of Claude Code alone: each `init` is the answer to a prompt. */
function conversation(text: string): Transcript {
  const lines = text.split('\n').filter((line) => line !== '')
  const entries = lines.flatMap((line): Entry[] => {
    const out = { out: line }
    return line.includes('"subtype":"init"') ? [{ do: 'prompt', text: 'hello' }, out] : [out]
  })
  return { opening: OPENING, entries: [{ do: 'start' }, ...entries, { do: 'end' }] }
}

function generate([backend, transcript]: Names, random: Random): Case {
  const damages = Array.from({ length: random.below(4) }, () => {
    return [random.pick(DAMAGES), random.below(4096), random.below(4096)] as const
  })
  const { entries, opening } = damage(transcript, damages)
  const share = random.pick([0, 0.02, 0.1, 0.5])
  const pieces = entries.flatMap((entry) => pieceOf(entry, share, random))
  return [Buffer.of(backend, opening.resume ? 1 : 0), ...pieces]
}

function pieceOf(entry: Entry, share: number, random: Random): Buffer[] {
  if ('in' in entry) return []
  if ('do' in entry) return [Buffer.concat([Buffer.of(WISH), Buffer.from(JSON.stringify(entry))])]
  const line = asLine(entry.out)
  const bytes = random.chance(share) ? mutateLine(line, random) : Buffer.from(line)
  const ending = random.chance(0.98) ? '\n' : random.pick(['', '\r\n', '\n\n', '\r'])
  const all = Buffer.concat([Buffer.of(STDOUT), bytes, Buffer.from(ending)])
  if (!random.chance(0.05)) return [all]
  const at = 1 + random.below(all.length)
  return [all.subarray(0, at), Buffer.concat([Buffer.of(STDOUT), all.subarray(at)])]
}

function play([opening, ...pieces]: Case): void {
  const stage = new Stage(opening?.[0] ?? 0, opening?.[1] === 1)
  for (const piece of pieces) {
    if (piece[0] === WISH) stage.wish(piece.toString('utf8', 1))
    else stage.says(piece.subarray(1))
  }
  stage.end()
}

class Stage {
  readonly #driver: Driver
  readonly #lines: LineReader
  readonly #events: BackendEvent[] = []
  #ids = 0
  #prompts = 0
  #hasEnded = false

  constructor(backend: number, resume: boolean) {
    const options = { session: 's', cwd: '$WORK', env: {}, nativeSessionId: 'native', resume }
    this.#driver = (BACKENDS[backend % BACKENDS.length] ?? claude).drive(options, {
      ...NO_CHILD,
      writeLine: (line) => must(!line.includes('\n'), 'a line to the child has a newline in it'),
      newId: () => {
        this.#ids += 1
        return `id-${this.#ids}`
      },
      emit: (event) => this.#events.push(event),
    })
    this.#lines = new LineReader({
      maxLineBytes: MAX_LINE_BYTES,
      onLine: ({ text }) => this.#driver.line(text),
      onOverflow: () => undefined,
    })
  }

  says(bytes: Buffer): void {
    if (!this.#hasEnded) this.#lines.push(bytes)
  }

  wish(text: string): void {
    const wish = asWish(text)
    if (!wish || this.#hasEnded) return
    if (wish.do === 'start') this.#driver.started()
    else if (wish.do === 'prompt') this.#prompt(wish.text)
    else if (wish.do === 'interrupt') this.#driver.interrupt()
    else if (wish.do === 'mode') this.#driver.setMode?.(wish.mode, () => undefined)
    else if (wish.do === 'answer') this.#driver.answer(wish.approval, wish.answer)
    else this.#close()
  }

  #prompt(text: string): void {
    this.#prompts += 1
    this.#driver.prompt(text)
  }

  #close(): void {
    this.#lines.end()
    this.#driver.ended()
    this.#hasEnded = true
  }

  end(): void {
    this.wish('{"do":"end"}')
    const isWhole = isOrderly(this.#events, this.#prompts, true)
    must(isWhole, 'tools, questions, turns or diagnostics are not in order')
    checkChunks(this.#events)
  }
}

function asWish(text: string): Wish | undefined {
  try {
    const value = JSON.parse(text) as Partial<Wish> | null
    return typeof value === 'object' && value !== null && 'do' in value
      ? (value as Wish)
      : undefined
  } catch {
    return undefined
  }
}

/** Each reader must be able to read what becomes of an event. */
function checkChunks(events: readonly BackendEvent[]): void {
  const log = new ChunkLog(Number.POSITIVE_INFINITY)
  for (const event of events) {
    if (event.type === 'ready' || event.type === 'start_failed' || event.type === 'turn_end')
      continue
    log.add(1, chunkOf(event))
  }
  for (let next = log.take(); next; next = log.take()) {
    const { sequence: seq, turn, type: code, body } = next
    const chunk = decodeChunk({ seq, turn, time: 0, code, body })
    must(
      chunk.type !== 'unknown',
      () => `no reader can read it: ${'reason' in chunk && chunk.reason}`,
    )
  }
}
