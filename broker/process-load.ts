/** What the process has open and holds outside of JavaScript, as Linux tells; elsewhere nobody tells. */
import { readdirSync, readFileSync, statSync } from 'node:fs'

export interface ProcessLoad {
  /** Open files and sockets. */
  readonly openFiles: number | undefined
  /** Memory that is neither the heap of JavaScript, nor buffers, nor pages of the journal, bytes. */
  readonly nativeBytes: number | undefined
}

export function processLoad(): ProcessLoad {
  return { openFiles: told(openFiles), nativeBytes: told(nativeBytes) }
}

/** How many files the process may have open. */
export function openFilesLimit(): number | undefined {
  return told(() => {
    const [, soft = ''] =
      /^Max open files\s+(\d+)/m.exec(readFileSync(file('limits'), 'utf8')) ?? []
    return Number(soft)
  })
}

/** Since Linux 6.2 the size of the directory is the number of its entries; before that it was 0. */
function openFiles(): number {
  return statSync(file('fd')).size || readdirSync(file('fd')).length
}

function nativeBytes(): number {
  const { heapTotal, external } = process.memoryUsage()
  const [, kilobytes = ''] = /^RssAnon:\s+(\d+)/m.exec(readFileSync(file('status'), 'utf8')) ?? []
  // What JavaScript has reserved need not be in memory yet.
  return Math.max(0, Number(kilobytes) * 1024 - heapTotal - external)
}

function file(name: string): string {
  return `/proc/self/${name}`
}

function told(ask: () => number): number | undefined {
  try {
    const value = ask()
    return Number.isFinite(value) ? value : undefined
  } catch {
    return undefined // no Linux, or no /proc
  }
}
