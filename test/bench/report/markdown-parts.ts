/** What the parts of the page are made of: tables, facts, warnings. Pure. */
import type { RunHead } from './result.ts'

/** Load of the minute before a run, above which other work disturbs it. */
const BUSY = 0.5

export type Row = readonly string[]

export function table(headings: Row, rows: readonly Row[]): string {
  return [headings, headings.map(() => '---'), ...rows]
    .map((cells) => `| ${cells.join(' | ')} |\n`)
    .join('')
}

export function facts(record: Readonly<Record<string, unknown>>): string {
  return Object.entries(record)
    .map(([name, value]) => `${name} ${String(value)}`)
    .join(', ')
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

/** Said of what another run has left on the page. */
export function earlierRun(from: string | undefined): string[] {
  return from === undefined ? [] : [`From another run: ${from}.`]
}

/** What makes these results worth less than others. */
export function caveats({ machine, settings }: RunHead): string[] {
  const load = Number.parseFloat(String(machine['load before']))
  return [
    ...(settings['quick'] === true
      ? ['**From a quick run**: small loads and few repeats; the ratios tell more than the values.']
      : []),
    ...(load > BUSY
      ? [
          `**The machine was busy with other work** (load ${load}): a quiet one gives other figures.`,
        ]
      : []),
    ...(settings['profiled'] === true ? ['**Profiles were taken**, which costs speed.'] : []),
  ]
}
