/** Complaints of yargs as one line that names the culprit and the nearest known word. */
import { nearest } from '../../protocol/nearest.ts'
import { COMMAND_NAMES, COMMANDS, isCommand } from './command-table.ts'
import { UsageError } from './usage-error.ts'

/** What the complaint says, and how to say it. The texts are yargs' own, in its locale `en`. */
const COMPLAINTS: readonly (readonly [RegExp, (...found: string[]) => string])[] = [
  [/^Not enough arguments following: (\S+)/, (flag) => `--${flag} needs a value`],
  [/^Missing required argument: (\S+)/, (flag) => `--${flag} is needed`],
  [
    /Argument: (.+), Given: "(.*)", Choices: (.+)/,
    (flag, given, choices = '') => `--${flag} cannot be ${given}; it is ${either(choices)}`,
  ],
  [
    /^Arguments (\S+) and (\S+) are mutually exclusive/,
    (one, other) => `--${one} and --${other} do not go together`,
  ],
]

export function usageError(
  complaint: string,
  argv: readonly string[],
  flags: readonly string[],
): UsageError {
  const command = argv.find(isCommand)
  const see = command ? `see agentmq ${command} --help` : 'see agentmq --help'
  const unknown = /^Unknown arguments?: ([^,]+)/.exec(complaint)?.[1]
  if (unknown !== undefined) return new UsageError(unknownWord(unknown, argv, flags, see))
  if (complaint.startsWith('Not enough non-option arguments')) {
    const usage = command ? COMMANDS[command].usage : '<command>'
    return new UsageError(`something is missing: agentmq ${usage}; ${see}`)
  }
  for (const [pattern, say] of COMPLAINTS) {
    const found = pattern.exec(complaint)
    if (found) return new UsageError(`${say(...found.slice(1))}; ${see}`)
  }
  return new UsageError(`${complaint.replace(/\s+/g, ' ').trim()}; ${see}`)
}

function unknownWord(
  word: string,
  argv: readonly string[],
  flags: readonly string[],
  see: string,
): string {
  const flag = argv.find((arg) => arg.startsWith('-') && bare(arg) === word)
  if (flag?.startsWith('--'))
    return withGuess(`flag --${word}`, '--', nearestFlag(word, flags), see)
  if (flag !== undefined) return withGuess(`flag -${word}`, '', undefined, see)
  const isVerb = argv.find((arg) => !arg.startsWith('-')) === word
  if (!isVerb) return withGuess(`argument ${word}`, '', undefined, see)
  return withGuess(`command ${word}`, '', nearest(word, [...COMMAND_NAMES, 'completion']), see)
}

function withGuess(what: string, prefix: string, guess: string | undefined, see: string): string {
  return `unknown ${what}; ${guess === undefined ? see : `did you mean ${prefix}${guess}?`}`
}

function nearestFlag(word: string, flags: readonly string[]): string | undefined {
  return nearest(
    word,
    flags.filter((name) => name.length > 1),
  )
}

function bare(flag: string): string {
  return flag.replace(/^--?(no-)?/, '').replace(/=.*$/s, '')
}

/** `"a", "b", "c"` as `a, b or c`. */
function either(choices: string): string {
  return choices.replaceAll('"', '').replace(/, ([^,]*)$/, ' or $1')
}
