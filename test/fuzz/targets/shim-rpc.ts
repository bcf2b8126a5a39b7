/** JSON-RPC of old clients (clients/shim/http, unix, legacy) with a whole broker behind it: each text has its reply. */
import { Auth } from '../../../clients/shim/http/auth.ts'
import { httpDispatch } from '../../../clients/shim/http/dispatch.ts'
import { HttpRpc } from '../../../clients/shim/http/rpc.ts'
import { ControlService } from '../../../clients/shim/legacy/control.ts'
import { answerLine } from '../../../clients/shim/unix/answer.ts'
import { UnixMethods } from '../../../clients/shim/unix/methods.ts'
import type { Case } from '../case.ts'
import { about, type LegacyWords, legacyWords } from '../legacy-words.ts'
import { checkAsked, checkServed, MemoryShim, TRIPPED } from '../memory-shim.ts'
import { mutateLine } from '../mutate-json.ts'
import type { Random } from '../random.ts'
import { must, type Target } from '../target.ts'

const DOORS = ['http', 'http strict', 'unix', 'unix strict'] as const
const MAX_BATCH = 20

/** Pieces: the number of a door (1 byte) and a text. */
export async function shimRpcTarget(): Promise<Target> {
  const words = legacyWords()
  const ids = await new MemoryShim().furnish()
  return {
    name: 'shim-rpc',
    about: 'JSON-RPC over HTTP and the Unix socket: each text has the reply that is due',
    lifetime: 150,
    generate: (random) => generate(words, ids, random),
    join: (cases) => cases.flat(),
    open: async () => {
      const stage = new Stage(new MemoryShim())
      await stage.furnish()
      return { run: (pieces) => stage.run(pieces), end: () => stage.end() }
    },
  }
}

function generate(words: LegacyWords, ids: readonly string[], random: Random): Case {
  const door = random.below(DOORS.length)
  const isUnix = random.chance(0.9) === door >= 2
  const text = about(ids, random.pick(isUnix ? words.unix : words.http), random)
  const bytes = random.chance(0.4) ? Buffer.from(text) : mutateLine(text, random)
  return [Buffer.concat([Buffer.of(door), bytes])]
}

class Stage {
  readonly #shim: MemoryShim
  readonly #http: HttpRpc
  readonly #unix: UnixMethods

  constructor(shim: MemoryShim) {
    this.#shim = shim
    const { legacy, desk } = shim
    this.#unix = new UnixMethods(legacy, new ControlService(legacy, desk))
    this.#http = new HttpRpc({
      dispatchFor: () => httpDispatch({ legacy, desk, connections: () => 1 }),
      auth: new Auth({ enable_auth: false }, legacy.wall),
      maxBatch: MAX_BATCH,
      now: legacy.now,
      answered: () => undefined,
    })
  }

  async furnish(): Promise<void> {
    await this.#shim.furnish()
  }

  async run(pieces: Case): Promise<void> {
    for (const piece of pieces) {
      const door = DOORS[(piece[0] ?? 0) % DOORS.length] ?? 'http'
      const isStrict = door.endsWith('strict')
      const text = piece.toString('utf8', 1)
      checkReply(await this.#answer(door, isStrict, text), isStrict)
      checkAsked(this.#shim)
    }
  }

  #answer(door: string, isStrict: boolean, text: string): Promise<string | undefined> {
    if (door.startsWith('unix'))
      return answerLine(this.#unix, text, { maxBatch: MAX_BATCH, isStrict })
    return this.#http.answer(text, { authorization: undefined, isStrict })
  }

  async end(): Promise<void> {
    await checkServed(this.#shim)
    await this.#shim.client.close()
  }
}

interface Reply {
  readonly jsonrpc?: unknown
  readonly error?: { readonly code?: unknown; readonly message?: unknown }
}

function checkReply(text: string | undefined, isStrict: boolean): void {
  if (text === undefined) {
    must(isStrict, 'no reply, to somebody who waits for one')
    return
  }
  const replies = [JSON.parse(text) as Reply | Reply[]].flat()
  for (const reply of replies) {
    must(reply.jsonrpc === '2.0', 'a reply that is none of JSON-RPC')
    must(
      'result' in reply !== 'error' in reply,
      'a reply with both a result and an error, or neither',
    )
    const { code, message } = reply.error ?? {}
    if (reply.error) must(Number.isInteger(code), 'an error without a code')
    must(code !== -32603 || !TRIPPED.test(String(message)), () => `it tripped: ${String(message)}`)
  }
}
