/** The requests of a batch one after the other, until their replies are too much to be held. */
import { exhausted, type RpcError } from './rpc-error.ts'

/** Characters of the replies to one batch; what comes after is refused and not done. */
export const MAX_BATCH_CHARS = 16_777_216

export interface BatchPorts<T> {
  /** Undefined when nothing is to be replied. */
  readonly answer: (item: T) => Promise<string | undefined>
  readonly refuse: (item: T, error: RpcError) => string | undefined
}

export async function answerBatch<T>(
  items: readonly T[],
  { answer, refuse }: BatchPorts<T>,
): Promise<string[]> {
  const replies: string[] = []
  let chars = 0
  for (const item of items) {
    const reply = chars > MAX_BATCH_CHARS ? refuse(item, TOO_MUCH) : await answer(item)
    if (reply === undefined) continue
    replies.push(reply)
    chars += reply.length
  }
  return replies
}

const TOO_MUCH = exhausted(`the replies before it have more than ${MAX_BATCH_CHARS} characters`)
