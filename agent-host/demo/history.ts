/**
 * What the demo agent remembers of its conversations: one small file each, written when a turn
 * begins, so that a killed agent still knows what it was asked. The directory is the user's alone.
 */
import { lstatSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Prompts are kept up to this many characters. */
const KEPT_CHARACTERS = 200

export class History {
  readonly #file: string
  readonly #prompts: string[]

  private constructor(file: string, prompts: string[]) {
    this.#file = file
    this.#prompts = prompts
  }

  /** A new conversation; undefined when there is one with this id. */
  static begin(session: string): History | undefined {
    const file = fileOf(session)
    return read(file) === undefined ? new History(file, []) : undefined
  }

  /** An earlier conversation; undefined when there is none with this id. */
  static resume(session: string): History | undefined {
    const file = fileOf(session)
    const prompts = read(file)
    return prompts && new History(file, prompts)
  }

  get turns(): number {
    return this.#prompts.length
  }

  /** Prompts before the present turn, oldest first. */
  earlier(): readonly string[] {
    return this.#prompts.slice(0, -1)
  }

  add(prompt: string): void {
    this.#prompts.push(prompt.slice(0, KEPT_CHARACTERS))
    const draft = `${this.#file}.${process.pid}`
    writeFileSync(draft, JSON.stringify({ prompts: this.#prompts }), { mode: 0o600 })
    renameSync(draft, this.#file)
  }
}

function fileOf(session: string): string {
  const { AGENTMQ_DEMO_STATE } = process.env
  const uid = process.getuid?.() ?? 'user'
  const directory = AGENTMQ_DEMO_STATE || join(tmpdir(), `agentmq-demo-${uid}`)
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  // In a directory that all may write to, somebody else may have been first.
  const found = lstatSync(directory)
  if (!found.isDirectory() || (process.getuid !== undefined && found.uid !== uid)) {
    throw new Error(`${directory} is not a directory of this user`)
  }
  return join(directory, `${session}.json`)
}

function read(file: string): string[] | undefined {
  try {
    const { prompts }: { prompts?: unknown } = JSON.parse(readFileSync(file, 'utf8'))
    return Array.isArray(prompts) ? prompts.map(String) : []
  } catch {
    return undefined
  }
}
