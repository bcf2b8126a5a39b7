/** Command lines that people copy: quoted so that a shell gives them back as they were. */

/** Characters that no shell takes for anything but themselves. */
const PLAIN = /^[A-Za-z0-9_@%+:,./-]+$/

/** A word for a POSIX shell. */
export function shellWord(word: string): string {
  return PLAIN.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}

/** A flag with its value; with `=` where the value could be taken for a flag itself, as keys can. */
export function flagText(name: string, value: string): string {
  const isPlain = PLAIN.test(value) && !value.startsWith('-')
  return isPlain ? `--${name} ${value}` : `--${name}=${shellWord(value)}`
}
