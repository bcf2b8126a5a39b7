/** The growths as a part of docs/benchmarks.md. Pure. */
import type { GrowthResult } from './growth-result.ts'
import { capital, caveats, earlierRun, facts, table } from './markdown-parts.ts'
import { figure } from './numbers.ts'
import type { GrowthRun } from './result.ts'

/** Where a plot is, from the page. */
export const plotFile = ({ name }: Pick<GrowthResult, 'name'>): string => `benchmarks/${name}.svg`

function figures({ x, panels, points }: GrowthResult): string {
  const columns = panels.flatMap(({ unit, figures: names }) =>
    names.map((name) => ({ name, heading: `${name}, ${unit}` })),
  )
  const rows = points.map((point) => [
    figure(point.x),
    ...columns.map(({ name }) => figure(point.figures[name] ?? Number.NaN)),
  ])
  return table([x, ...columns.map(({ heading }) => heading)], rows)
}

function section(growth: GrowthResult): string {
  const { name, title, about, text, failed, from } = growth
  const shown =
    failed === ''
      ? [
          `![${title}](${plotFile(growth)})`,
          text.map((line) => `* ${line}`).join('\n'),
          figures(growth).trimEnd(),
        ]
      : [`Not run: ${failed}.`]
  return [`### ${name}`, `${capital(title)}. ${about}`, ...earlierRun(from), ...shown].join('\n\n')
}

export function growthMarkdown(run: GrowthRun): string {
  return [
    '## Growth',
    'What each number costs as it grows. agentmq alone, one run at each point, both axes logarithmic: a level line costs the same however much there is, and one that rises as the axes do costs as much for each. The texts get their figures from the run, as the plots do.',
    ...caveats(run),
    `Machine: ${facts(run.machine)}. agentmq ${run.versions['agentmq'] ?? 'unknown'}.`,
    ...run.growths.map(section),
  ].join('\n\n')
}
