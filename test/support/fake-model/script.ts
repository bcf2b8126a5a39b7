/**
 * What the fake model does: scenarios that the newest user text names as `@@name` or `@@name(arg)`,
 * as steps in which no wire format shows. Does no I/O and knows no clock.
 */

/** One piece of a conversation, whatever API it came by. */
export interface Entry {
  readonly role: 'user' | 'assistant' | 'tool'
  readonly text: string
}

export type Step =
  | { readonly do: 'think' | 'text'; readonly text: string }
  | { readonly do: 'shell'; readonly command: string }
  | { readonly do: 'write'; readonly path: string; readonly content: string }
  /** Wait the time between two slow words. */
  | { readonly do: 'pause' }
  /** Say nothing more until the client goes away. */
  | { readonly do: 'hang' }
  /** Cut the connection. */
  | { readonly do: 'drop' }
  /** Report an overload in the middle of the stream. */
  | { readonly do: 'overload' }

/** Where a conversation stands. */
export interface Situation {
  readonly scenario: string
  readonly argument: string
  /** Tool results since the marker: 0 asks for the tool, more closes the turn. */
  readonly phase: number
  /** User texts with a marker so far; a resumed conversation goes on counting. */
  readonly turn: number
}

export interface Decision extends Situation {
  /** HTTP status to fail with, instead of the steps. */
  readonly failure: number | undefined
  readonly steps: readonly Step[]
}

const say = (text: string): Step => ({ do: 'text', text })
const think = (text: string): Step => ({ do: 'think', text })
const shell = (command: string): Step => ({ do: 'shell', command })

/** The tool steps when nothing came back yet, the closing text once something did. */
function toolTurn({ phase }: Situation, steps: readonly Step[], closing: string): readonly Step[] {
  return phase === 0 ? steps : [say(closing)]
}

function numberOr(argument: string, fallback: number): number {
  return /^\d+$/.test(argument) ? Number(argument) : fallback
}

const hold = (seconds: number): string =>
  `node -e "console.log(1);setTimeout(()=>{},${seconds * 1000})"`

type Scenario = (situation: Situation) => readonly Step[]

const SCENARIOS: Readonly<Record<string, Scenario>> = {
  text: ({ turn }) => [say(`Hello from the fake model, turn ${turn}.`)],
  think: () => [think('Let me think. The answer is simple.'), say('The answer is 42.')],
  tool: (at) =>
    toolTurn(
      at,
      [think('I should run it.'), say('Running a command.'), shell(at.argument || 'echo hi')],
      'The command is done.',
    ),
  tool2: (at) => toolTurn(at, [shell('echo one'), shell('echo two')], 'Both are done.'),
  write: (at) =>
    toolTurn(
      at,
      [
        say('Writing a file.'),
        { do: 'write', path: at.argument || 'out.txt', content: 'fake content\n' },
      ],
      'The file step is done.',
    ),
  slow: ({ argument }) =>
    Array.from({ length: numberOr(argument, 200) }, (_, index): Step[] => [
      say(`word${index} `),
      { do: 'pause' },
    ]).flat(),
  slowtool: (at) => toolTurn(at, [shell(hold(numberOr(at.argument, 60)))], 'The wait is over.'),
  long: ({ argument }) => [say('x'.repeat(numberOr(argument, 100_000)))],
  hang: () => [say('partial '), { do: 'hang' }],
  drop: () => [say('partial '), { do: 'drop' }],
  sseerr: () => [say('partial '), { do: 'overload' }],
  recall: ({ turn }) => [say(`I see ${turn} user turns with markers.`)],
}

const unmarked: Scenario = ({ turn }) => [say(`(no scenario) turn ${turn}.`)]

/** Titles and classifiers: a client that asks without tools wants a few words, never a scenario. */
const SIDE_REQUEST: readonly Step[] = [say('A fake title')]

/** Reads the text in parentheses that opens at `start`; inner pairs may nest, as in shell commands. */
function readArgument(text: string, start: number): string {
  if (text[start] !== '(') return ''
  let depth = 0
  for (let at = start; at < text.length; at++) {
    if (text[at] === '(') depth++
    else if (text[at] === ')' && --depth === 0) return text.slice(start + 1, at)
  }
  return ''
}

/** Finds the newest marker among the user's texts and counts what came before and after it. */
export function situationOf(history: readonly Entry[]): Situation {
  let situation: Situation = { scenario: 'none', argument: '', phase: 0, turn: 0 }
  for (const { role, text } of history) {
    const marker = role === 'user' ? /@@([a-z0-9]+)/.exec(text) : null
    if (marker?.[1] !== undefined) {
      const argument = readArgument(text, marker.index + marker[0].length)
      situation = { scenario: marker[1], argument, phase: 0, turn: situation.turn + 1 }
    } else if (role === 'tool') {
      situation = { ...situation, phase: situation.phase + 1 }
    }
  }
  return situation
}

/** Decides every answer of one server; remembers only how often `@@flaky` has failed. */
export class Script {
  readonly #attempts = new Map<string, number>()

  /** `side` marks a request without tools. `wire` keeps the APIs' counters apart. */
  decide(wire: string, history: readonly Entry[], side: boolean): Decision {
    const situation = situationOf(history)
    if (side) return { ...situation, failure: undefined, steps: SIDE_REQUEST }
    const scenario = Object.hasOwn(SCENARIOS, situation.scenario)
      ? SCENARIOS[situation.scenario]
      : undefined
    return {
      ...situation,
      failure: this.#failure(wire, situation),
      steps: (scenario ?? unmarked)(situation),
    }
  }

  #failure(wire: string, { scenario, argument, turn }: Situation): number | undefined {
    if (/^[45]\d\d$/.test(scenario)) return Number(scenario)
    if (scenario !== 'flaky') return undefined
    const key = `${wire} ${argument} ${turn}`
    const attempt = (this.#attempts.get(key) ?? 0) + 1
    this.#attempts.set(key, attempt)
    return attempt <= numberOr(argument, 1) ? 500 : undefined
  }
}
