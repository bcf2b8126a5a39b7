/** What the demo agent answers to an ordinary prompt: true things only, and that it is a demo. */
import { readdir, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import type { Turn } from './turn.ts'

/** Milliseconds between two words. */
const WORD_MS = 20
/** Names that a listing gives at most. */
const LISTED = 50

/** `AGENTMQ_DEMO_DELAY_MS`, else the default. */
export function wordDelayMs(): number {
  const { AGENTMQ_DEMO_DELAY_MS } = process.env
  const wanted = Number(AGENTMQ_DEMO_DELAY_MS ?? WORD_MS)
  return Number.isFinite(wanted) && wanted >= 0 ? wanted : WORD_MS
}

export async function answer(turn: Turn): Promise<void> {
  const delayMs = wordDelayMs()
  const count = turn.prompt.split(/\s+/).filter(Boolean).length
  const thought = `The user sent ${count} words. I am a script and cannot reason about them, but I can look around and report what is really there.`
  await turn.say('thinking', words(thought), delayMs)
  const listing = await listFiles(turn, 'ListFiles')
  await turn.say('text', words(closing(turn, listing)), delayMs)
}

/** It really lists the working directory, whatever name it is given. */
export async function listFiles(turn: Turn, name: string): Promise<string> {
  const { content } = await turn.tool(name, { path: process.cwd() }, async () => {
    const entries = await readdir(process.cwd(), { withFileTypes: true })
    const names = entries.map((entry) => (entry.isDirectory() ? `${entry.name}/` : entry.name))
    const rest = names.length > LISTED ? [`… and ${names.length - LISTED} more`] : []
    return [`${names.length} entries`, ...names.slice(0, LISTED), ...rest].join('\n')
  })
  return content
}

/** The one tool that asks first: it really creates the file, in the working directory, when it may. */
export async function createFile(turn: Turn, file: string): Promise<void> {
  const name = 'CreateFile'
  const input = { path: file }
  const { content, is_error } = await turn.tool(name, input, async (id) => {
    const path = resolve(file)
    if (!path.startsWith(join(process.cwd(), '/'))) throw new Error(`${path} is somewhere else`)
    await turn.permission({ id, name, input, about: `create ${file}` })
    await writeFile(path, 'made by the demo agent\n', { flag: 'wx' })
    return `created ${path}`
  })
  turn.signal.throwIfAborted()
  const words = is_error ? `I did not create ${file}: ${content}` : `I have created ${file}.`
  await turn.say('text', [words], 0)
}

/** Cut after spaces, so that the pieces put together are the text again. */
export function words(text: string): string[] {
  return text.match(/\S+\s*|\s+/g) ?? []
}

function closing(turn: Turn, listing: string): string {
  const [count = 'nothing', ...names] = listing.split('\n')
  const among = names.length === 0 ? '' : `, such as ${names.slice(0, 3).join(', ')}`
  const asked = turn.prompt.length > 60 ? `${turn.prompt.slice(0, 60)}…` : turn.prompt
  const { turns } = turn.conversation.history
  return [
    `Hello from the demo agent. I am a small script that ships with agentmq, not a language model,`,
    `so I cannot really answer "${asked}".`,
    `What you see is real, though: I just listed ${process.cwd()} and found ${count}${among}.`,
    `This is turn ${turns} of our conversation.`,
    `Send @@help to see what else I can show, or choose another backend for real work.`,
  ].join(' ')
}
