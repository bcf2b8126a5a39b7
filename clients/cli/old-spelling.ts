/** Verbs and flags of the old command line, as they are spelled now. What has no meaning any more is not known. */
import { VALUE_FLAGS } from './parts.ts'

/** What an old flag with its value is now. */
type Spelling = (value: string) => readonly string[]

interface OldVerb {
  readonly now?: string
  /** Flags that stand alone. */
  readonly bare?: Readonly<Record<string, readonly string[]>>
  /** Flags with a value. */
  readonly valued?: Readonly<Record<string, Spelling>>
  /** A flag whose value is the text of the command now. */
  readonly text?: readonly string[]
}

const format: Spelling = (value) => (value === 'json' ? ['--json'] : [])
const as =
  (flag: string): Spelling =>
  (value) => [flag, value]

const OLD_VERBS: Readonly<Record<string, OldVerb>> = {
  ps: { valued: { '-f': format, '--format': format } },
  logs: { valued: { '--format': format } },
  kill: { bare: { '-f': [], '--force': [] } }, // nothing is more forceful than `kill`
  pause: { bare: { '-f': ['--freeze'], '--force': ['--freeze'] } },
  spawn: {
    bare: { '--stream': [] },
    valued: {
      ...{ '-p': as('--backend'), '--provider': as('--backend'), '-m': as('--model') },
      ...{ '-s': as('--system-prompt'), '--system': as('--system-prompt') },
    },
    text: ['-t', '--task'],
  },
  completions: { now: 'completion' },
}

/** The same command line in words of today; one that has none of the old is given back as it is. */
export function asSpelledNow(argv: readonly string[]): string[] {
  const at = verbIndex(argv)
  const verb = argv[at]
  if (verb === undefined || !Object.hasOwn(OLD_VERBS, verb)) return [...argv]
  const old = OLD_VERBS[verb] ?? {}
  return [...argv.slice(0, at), old.now ?? verb, ...words(argv.slice(at + 1), old)]
}

/** Where the verb is, behind global flags and their values. */
function verbIndex(argv: readonly string[]): number {
  let index = 0
  while (argv[index]?.startsWith('-')) index += VALUE_FLAGS.includes(argv[index] ?? '') ? 2 : 1
  return index
}

function words(argv: readonly string[], old: OldVerb): string[] {
  const end = argv.includes('--') ? argv.indexOf('--') : argv.length
  const said: string[] = []
  const texts: string[] = []
  for (let index = 0; index < end; index += 1) {
    const [flag, attached] = splitFlag(argv[index] ?? '')
    const value = attached ?? argv[index + 1] ?? ''
    const spelling = old.valued?.[flag]
    const isText = old.text?.includes(flag) === true
    const bare = old.bare?.[flag]
    if (bare && attached === undefined) said.push(...bare)
    else if (!spelling && !isText) said.push(argv[index] ?? '')
    else {
      if (spelling) said.push(...spelling(value))
      else texts.push(value)
      if (attached === undefined) index += 1
    }
  }
  const rest = [...texts, ...argv.slice(end + 1)]
  return rest.length === 0 && end === argv.length ? said : [...said, '--', ...rest]
}

/** `--format=json` is one word. */
function splitFlag(word: string): readonly [flag: string, value: string | undefined] {
  const at = word.startsWith('--') ? word.indexOf('=') : -1
  return at < 0 ? [word, undefined] : [word.slice(0, at), word.slice(at + 1)]
}
