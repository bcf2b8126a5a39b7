/** The Gemini API: reads its requests, plays the script's steps as its candidates. */

import type { Exchange } from './exchange.ts'
import { type JsonObject, member, objects, text } from './json.ts'
import { pieces } from './pieces.ts'
import { play, type Voice } from './play.ts'
import type { Entry, Script } from './script.ts'
import type { WireApi } from './wire.ts'

const STATUSES: Readonly<Record<number, string>> = {
  400: 'INVALID_ARGUMENT',
  401: 'UNAUTHENTICATED',
  403: 'PERMISSION_DENIED',
  404: 'NOT_FOUND',
  429: 'RESOURCE_EXHAUSTED',
}

const errorBody = (status: number): JsonObject => ({
  error: { code: status, message: `fake ${status}`, status: STATUSES[status] ?? 'INTERNAL' },
})

/** One entry per part: a content may hold a text and the answers of several functions. */
function historyOf(body: JsonObject): Entry[] {
  return objects(member(body, 'contents')).flatMap((content): Entry[] => {
    const role = member(content, 'role') === 'model' ? 'assistant' : 'user'
    return objects(member(content, 'parts')).map((part): Entry => {
      const answer = member(part, 'functionResponse')
      if (answer !== undefined) return { role: 'tool', text: JSON.stringify(answer) }
      return { role, text: text(member(part, 'text')) }
    })
  })
}

function toolsOf(body: JsonObject): string[] {
  return objects(member(body, 'tools'))
    .flatMap((tool) => objects(member(tool, 'functionDeclarations')))
    .map((declaration) => text(member(declaration, 'name')))
}

/** One answer while it is written: a candidate for each piece, the last one with the reason of its end. */
class Candidates {
  readonly #exchange: Exchange
  readonly #model: string
  #calls = 0
  #outputTokens = 0

  constructor(exchange: Exchange, model: string) {
    this.#exchange = exchange
    this.#model = model
  }

  begin(): void {
    this.#exchange.openEvents()
  }

  async say(words: string): Promise<void> {
    for (const piece of pieces(words)) await this.part({ text: piece })
  }

  async call(name: string, args: unknown): Promise<void> {
    const id = `fc_fake${Date.now()}${this.#calls++}`
    await this.part({ functionCall: { name, args, id }, thoughtSignature: 'ZmFrZQ==' })
  }

  async part(part: JsonObject): Promise<void> {
    this.#outputTokens++
    await this.#send({ content: { role: 'model', parts: [part] }, index: 0 })
  }

  async finish(): Promise<void> {
    const content = { role: 'model', parts: [{ text: '' }] }
    await this.#send({ content, index: 0, finishReason: 'STOP' })
    this.#exchange.end()
  }

  #send(candidate: JsonObject): Promise<void> {
    const output = this.#outputTokens
    const usageMetadata = {
      promptTokenCount: 25,
      candidatesTokenCount: output,
      totalTokenCount: 25 + output,
    }
    const fields = { modelVersion: this.#model, responseId: 'fake', usageMetadata }
    const data = JSON.stringify({ candidates: [candidate], ...fields })
    return this.#exchange.write(`data: ${data}\r\n\r\n`)
  }
}

const modelOf = ({ path }: Exchange): string => /models\/([^:]+):/.exec(path)?.[1] ?? ''

async function stream(exchange: Exchange, script: Script): Promise<void> {
  const { body } = exchange
  const tools = toolsOf(body)
  const model = modelOf(exchange)
  const { failure, steps, ...situation } = script.decide(
    'gemini',
    historyOf(body),
    tools.length === 0,
  )
  exchange.notes = { ...situation, model, stream: true, tools }
  if (failure !== undefined) return exchange.json(failure, errorBody(failure))
  const candidates = new Candidates(exchange, model)
  candidates.begin()
  const voice: Voice = {
    think: (words) => candidates.part({ text: `**Considering** ${words}`, thought: true }),
    say: (words) => candidates.say(words),
    call: ({ name, input }) => candidates.call(name, input),
    overload: async () => {
      await exchange.write(`data: ${JSON.stringify(errorBody(503))}\r\n\r\n`)
      exchange.end()
    },
    finish: () => candidates.finish(),
  }
  await play(steps, exchange, voice, body)
}

/** Side requests want JSON of their own schema: the first word that each member allows. */
function sample(schema: unknown): unknown {
  const type = text(member(schema, 'type')).toLowerCase()
  const [choice] = (member(schema, 'enum') as unknown[] | undefined) ?? []
  if (choice !== undefined) return choice
  if (type === 'object') {
    const properties = member(schema, 'properties')
    const names = Object.keys((properties as object | undefined) ?? {})
    return Object.fromEntries(names.map((name) => [name, sample(member(properties, name))]))
  }
  if (type === 'array') return []
  if (type === 'boolean') return false
  return type === 'number' || type === 'integer' ? 1 : 'fake'
}

function whole(exchange: Exchange): void {
  const config = member(exchange.body, 'generationConfig')
  const schema = member(config, 'responseJsonSchema') ?? member(config, 'responseSchema')
  const answer = schema === undefined ? 'A fake title' : JSON.stringify(sample(schema))
  const candidate = {
    content: { role: 'model', parts: [{ text: answer }] },
    index: 0,
    finishReason: 'STOP',
  }
  const usageMetadata = { promptTokenCount: 25, candidatesTokenCount: 10, totalTokenCount: 35 }
  exchange.json(200, { candidates: [candidate], usageMetadata, modelVersion: modelOf(exchange) })
}

export const gemini: WireApi = {
  name: 'gemini',
  routes: [
    { method: 'POST', path: /^\/v1beta\/models\/[^/]+:streamGenerateContent$/, handle: stream },
    { method: 'POST', path: /^\/v1beta\/models\/[^/]+:generateContent$/, handle: whole },
    {
      method: 'POST',
      path: /^\/v1beta\/models\/[^/]+:countTokens$/,
      handle: (exchange) => exchange.json(200, { totalTokens: 100 }),
    },
  ],
}
