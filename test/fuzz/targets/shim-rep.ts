/** The MessagePack agent protocol (clients/shim/rep) with a whole broker behind it: each message has one reply. */
import { decodeMessage, encodeMessage } from '../../../clients/shim/rep/codec.ts'
import { isRequest } from '../../../clients/shim/rep/layouts.ts'
import { RepService } from '../../../clients/shim/rep/service.ts'
import type { Case } from '../case.ts'
import { about, legacyWords } from '../legacy-words.ts'
import { checkAsked, checkServed, MemoryShim, TRIPPED } from '../memory-shim.ts'
import { mutateBytes } from '../mutate-bytes.ts'
import { harm, isRecord } from '../mutate-value.ts'
import type { Random } from '../random.ts'
import { must, type Target } from '../target.ts'
import { encodeWildly } from '../wild-msgpack.ts'

/** Pieces: messages. */
export async function shimRepTarget(): Promise<Target> {
  const { rep } = legacyWords()
  const ids = await new MemoryShim().furnish()
  return {
    name: 'shim-rep',
    about: 'requests of MessagePack clients: each has one reply that can be decoded',
    lifetime: 150,
    generate: (random) => [generate(rep, ids, random)],
    join: (cases) => cases.flat(),
    open: async () => {
      const shim = new MemoryShim()
      await shim.furnish()
      const service = new RepService(shim.rep)
      return {
        run: async (pieces) => {
          await run(service, pieces)
          checkAsked(shim)
        },
        end: async () => {
          await checkServed(shim)
          await shim.client.close()
        },
      }
    },
  }
}

function generate(words: readonly unknown[], ids: readonly string[], random: Random): Buffer {
  const word = random.pick(words)
  if (Buffer.isBuffer(word)) return mutateBytes(word, random, 3)
  const value = harm(aboutExisting(word, ids, random), random)
  const bytes = encodeWildly(value, random, random.pick([0, 0, 0, 0, 0.02, 0.2]))
  return random.chance(0.1) ? mutateBytes(bytes, random, 2) : bytes
}

function aboutExisting(value: unknown, ids: readonly string[], random: Random): unknown {
  if (typeof value === 'string') return about(ids, value, random)
  if (Array.isArray(value)) return value.map((item) => aboutExisting(item, ids, random))
  if (!isRecord(value)) return value
  // How the cases write binary: nearly always the id of an agent.
  if ('$bin' in value) return Buffer.from(random.pick(ids).replaceAll('-', ''), 'hex')
  const entries = Object.entries(value)
  return Object.fromEntries(entries.map(([key, item]) => [key, aboutExisting(item, ids, random)]))
}

async function run(service: RepService, messages: Case): Promise<void> {
  for (const message of messages) {
    checkDecoding(message)
    const { body } = await service.answer(message)
    const reply = decodeMessage(body)
    must(
      reply.type !== 'undecodable',
      () => `a reply that is none: ${'reason' in reply && reply.reason}`,
    )
    must(!isRequest(reply), 'a request as a reply')
    const error = 'error' in reply ? reply.error : null
    must(!TRIPPED.test(error ?? ''), () => `it tripped: ${error}`)
  }
}

/** What was understood means the same when it is written down again. */
function checkDecoding(bytes: Buffer): void {
  const message = decodeMessage(bytes)
  if (message.type === 'undecodable' || isInexact(message)) return
  const written = encodeMessage(message)
  const again = decodeMessage(written)
  must(again.type === message.type, () => `${message.type} cannot be written: ${text(again)}`)
  must(encodeMessage(again as typeof message).equals(written), () => `${message.type} changes`)
}

/** An integer beyond 2^53 is read as the number next to it, which no reply has. */
function isInexact(value: unknown): boolean {
  if (typeof value === 'number') return Number.isInteger(value) && !Number.isSafeInteger(value)
  return typeof value === 'object' && value !== null && Object.values(value).some(isInexact)
}

function text(value: object): string {
  return 'reason' in value ? String(value.reason) : ''
}
