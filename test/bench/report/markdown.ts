/** The results as a part of docs/benchmarks.md. Pure. */
import { OURS } from '../measures/measure.ts'
import { growthMarkdown } from './growth-markdown.ts'
import { capital, caveats, earlierRun, facts, type Row, table } from './markdown-parts.ts'
import { figure, ratio, verdict } from './numbers.ts'
import type { MeasureResult, Results } from './result.ts'

export const BEGIN = '<!-- results: written by `npm run bench -- --write-docs`, not by hand -->'
export const END = '<!-- end of results -->'

function withSpread({ value, min, max }: { value: number; min: number; max: number }): string {
  return min === max ? figure(value) : `${figure(value)} (${figure(min)} – ${figure(max)})`
}

/** One row for each goal. */
function goals(measures: readonly MeasureResult[]): string {
  const rows = measures.flatMap((measure) =>
    measure.goals.map(({ text, is, unit, met }) => [
      `[${measure.name}](#${anchor(measure.name)})`,
      text,
      is === null ? '' : `${figure(is)} ${unit}`.trimEnd(),
      met === false ? `**${verdict(met)}**` : verdict(met),
    ]),
  )
  return table(['measure', 'goal', 'measured', ''], rows)
}

/** As GitHub makes it of a heading. */
function anchor(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^\w -]/g, '')
    .replaceAll(' ', '-')
}

const FIGURES = ['p50 ms', 'p99 ms', 'p99.9 ms', 'CPU s', 'peak MB'] as const

function section(measure: MeasureResult): string {
  const { name, title, about, unit, outcomes, notRun, from } = measure
  const rows = Object.entries(outcomes).map(([contestant, outcome]) => {
    const { latencyMs, cpuSeconds, peakMb, more = {} } = outcome
    const times = measure.ratios[contestant]
    const optional = (value: number | undefined) => (value === undefined ? '' : figure(value))
    return [
      contestant,
      withSpread(outcome),
      contestant === OURS || times === undefined ? '' : ratio(times),
      ...[latencyMs?.p50, latencyMs?.p99, latencyMs?.p999, cpuSeconds, peakMb].map(optional),
      Object.entries(more)
        .map(([what, value]) => `${what} ${figure(value)}`)
        .join(', '),
    ]
  })
  const all = ['', unit, 'ours is', ...FIGURES, '']
  const missing = Object.entries(notRun).map(([who, why]) => `Not run: ${who}, ${why}.\n`)
  const figures = rows.length > 0 ? [withoutEmptyColumns(all, rows)] : []
  const origin = earlierRun(from).map((line) => `${line}\n`)
  return [`### ${name}\n`, `${capital(title)}. ${about}\n`, ...origin, ...figures, ...missing].join(
    '\n',
  )
}

function withoutEmptyColumns(headings: Row, rows: readonly Row[]): string {
  const isUsed = headings.map((_, column) => rows.some((row) => row[column] !== ''))
  const used = (row: Row) => row.filter((_, column) => isUsed[column])
  return table(used(headings), rows.map(used))
}

export function resultsMarkdown(results: Results): string {
  const { machine, versions, settings, measures, growth } = results
  return [
    BEGIN,
    ...caveats(results),
    `Machine: ${facts(machine)}.`,
    `Versions: ${facts(versions)}.`,
    `Settings: ${facts(settings)}.`,
    `## Goals\n\n${goals(measures)}`.trimEnd(),
    '## Measures',
    'Medians, with minimum and maximum. `ours is` = agentmq divided by the peer. CPU s: of all processes together, for 100,000 messages. Peak MB: of the process in the middle.',
    ...measures.map((measure) => section(measure).trimEnd()),
    ...(growth ? [growthMarkdown(growth)] : []),
    END,
  ].join('\n\n')
}

/** Throws when the page has no place for results. */
export function replaceResults(page: string, results: Results): string {
  const [from, to] = [page.indexOf(BEGIN), page.indexOf(END)]
  if (from === -1 || to < from) throw new Error('the page has no place for results')
  return page.slice(0, from) + resultsMarkdown(results) + page.slice(to + END.length)
}
