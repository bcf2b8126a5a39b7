/** Appends to a file and syncs it, all that waits at once: what a disk takes, and nothing else. */
import { constants, fdatasync, openSync, write } from 'node:fs'
import { promisify } from 'node:util'
import type { Producer } from './producer.ts'

const writeTo = promisify(write)
const sync = promisify(fdatasync)

interface Waiting {
  readonly text: string
  readonly resolve: () => void
}

export function fileProducer(path: string): Producer {
  const file = openSync(path, constants.O_CREAT | constants.O_WRONLY | constants.O_APPEND)
  let waiting: Waiting[] = []
  let isWriting = false
  const drain = async (): Promise<void> => {
    isWriting = true
    while (waiting.length > 0) {
      const group = waiting
      waiting = []
      await writeTo(file, Buffer.from(group.map(({ text }) => text).join('')))
      await sync(file)
      for (const { resolve } of group) resolve()
    }
    isWriting = false
  }
  return {
    append: (text) =>
      new Promise<void>((resolve) => {
        waiting.push({ text, resolve })
        if (!isWriting) void drain()
      }),
  }
}
