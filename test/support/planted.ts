/** Secrets that a test plants in a running system, and where they are found again. */
import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative } from 'node:path'

/** One place that was searched: its name, and all that is there. */
export interface Place {
  readonly name: string
  readonly text: string
}

export class Planted {
  readonly #secrets = new Map<string, string>()

  /** A fresh secret, of chance, so that nothing else holds it; not even its beginning may be found. */
  secret(name: string): string {
    const secret = `Zq${randomBytes(12).toString('hex')}`
    this.#secrets.set(name, secret.slice(0, 9))
    return secret
  }

  /** One that somebody else made, such as a token. */
  made(name: string, secret: string): string {
    if (secret.length < 16) throw new Error(`${name} is too short to be told from anything else`)
    this.#secrets.set(name, secret)
    return secret
  }

  get names(): string[] {
    return [...this.#secrets.keys()]
  }

  /** The names of the secrets in a text. */
  within(text: string): string[] {
    return [...this.#secrets].filter(([, secret]) => text.includes(secret)).map(([name]) => name)
  }
}

/** All files below a directory. What cannot be read, such as a socket, holds nothing. */
export function filesBelow(root: string, directory = root): Place[] {
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name)
    if (entry.isDirectory()) return filesBelow(root, path)
    if (!entry.isFile() || statSync(path).size > 512 * 1024 * 1024) return []
    return [{ name: relative(root, path), text: readFileSync(path, 'latin1') }]
  })
}

/** The command lines of everything that runs on this machine: every user can read them. */
export function commandLines(): Place {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return { name: 'command lines', text: pids.map(commandLine).join('\n') }
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  } catch {
    return '' // it has ended meanwhile
  }
}
