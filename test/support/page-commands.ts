/** Commands out of a page of the documents: fenced blocks that say on which machine, and for what. */
import { readFileSync } from 'node:fs'

const PAGES = new URL('../../../docs/', import.meta.url)

export interface PageCommand {
  readonly machine: string
  readonly topic: string
  /** As they stand on the page. */
  readonly lines: readonly string[]
}

/** Blocks that begin with ```sh MACHINE TOPIC, in their order. */
export function commandsOf(page: string): PageCommand[] {
  const text = readFileSync(new URL(page, PAGES), 'utf8')
  const blocks = text.matchAll(/^```sh (\w+) (\w+)\n([\s\S]*?)^```$/gm)
  return [...blocks].map(([, machine = '', topic = '', body = '']) => ({
    ...{ machine, topic },
    lines: body.trim().split('\n'),
  }))
}
