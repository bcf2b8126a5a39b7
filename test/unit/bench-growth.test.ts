/** How the benchmarks tell and draw what grows. */
import t from 'tap'
import { Trends } from '../bench/figures/trend.ts'
import type { Growth } from '../bench/growth/growth.ts'
import { GROWTHS } from '../bench/growth/index.ts'
import { growthMarkdown, plotFile } from '../bench/report/growth-markdown.ts'
import { growthResult } from '../bench/report/growth-result.ts'
import { resultsMarkdown } from '../bench/report/markdown.ts'
import { merged } from '../bench/report/merge.ts'
import { compact } from '../bench/report/numbers.ts'
import { logScale } from '../bench/report/plot/log-scale.ts'
import { plotSvg } from '../bench/report/plot/plot.ts'
import { MOST_SERIES } from '../bench/report/plot/svg.ts'
import type { MeasureResult, Results } from '../bench/report/result.ts'

const trendOf = (...values: readonly number[]) =>
  new Trends(values.map((value, index) => ({ x: 10 ** index, figures: { cost: value } })))

t.test('a figure is said to be level, to go somewhere or to wander, as it did', async (t) => {
  const words = (...values: readonly number[]) => trendOf(...values).words('cost', 'ms')
  t.equal(words(2, 2.4, 2.9), 'stays level (2 ms at first, 2.9 ms at last)')
  t.equal(words(2, 4, 8), 'goes from 2 ms to 8 ms')
  t.equal(words(2, 2.1, 2, 8), 'goes from 2 ms to 8 ms, level up to 100')
  t.equal(words(2, 8, 9, 8), 'goes from 2 ms to 8 ms, level from 10 on')
  t.equal(words(2, 2, 5, 8, 8), 'goes from 2 ms to 8 ms, level up to 10 and from 1,000 on')
  t.equal(words(2, 2.9, 4), 'goes from 2 ms to 4 ms, little by little')
  t.equal(words(8, 8, 2), 'goes from 8 ms to 2 ms, level up to 10', 'downwards as well')
  t.equal(words(8, 2, 7), 'wanders (8 ms at first, 2 ms at 10, 7 ms at last)')
  t.equal(trendOf(1, 1).words('cost', ''), 'stays level (1 at first, 1 at last)')
})

t.test('figures are told by their point, and none is made up', async (t) => {
  const trends = trendOf(2, 30, 20)
  t.same([trends.first, trends.last, trends.peak('cost')], [1, 100, 10])
  t.same([trends.value('cost'), trends.value('cost', 10), trends.sum('cost')], [20, 30, 52])
  t.equal(trends.perUnit('cost'), 18 / 99)
  t.throws(() => trends.value('price'), /no price at 100/)
  t.throws(() => new Trends([]), /nothing was measured/)
})

t.test(
  'an axis begins and ends at a readable step, and never shows less than a decade',
  async (t) => {
    const of = (...values: readonly number[]) => {
      const { from, to, ticks } = logScale(values)
      return { from, to, ticks }
    }
    t.same(of(12, 4800), { from: 10, to: 5000, ticks: [10, 100, 1000] })
    const narrow = of(2.1, 2.3)
    t.ok(narrow.to / narrow.from >= 10)
    t.ok(narrow.from <= 2.1 && narrow.to >= 2.3)
    const axis = logScale([1, 1000])
    t.same(
      [1, 1000, 0].map((value) => axis.place(value)),
      [0, 1, 0],
      'zero lies at the foot',
    )
    t.ok(Math.abs(axis.place(10) - 1 / 3) < 1e-9)
  },
)

const growth: Growth = {
  name: 'growth-test',
  title: 'A & B',
  x: 'things',
  about: 'What is done.',
  points: [0, 10, 100],
  quickPoints: [0, 10],
  panels: [
    { title: 'cost', unit: 'ms', figures: ['p50', 'p99'] },
    { title: 'size', unit: 'MB', figures: ['size'] },
  ],
  run: async () => undefined,
  text: (trends) => [`The p50 ${trends.words('p50', 'ms')}.`],
}
const points = [0, 10, 100].map((x) => ({ x, figures: { p50: 1 + x, p99: 2 + x, size: x } }))
const grown = growthResult(growth, points, '')

t.test(
  'a plot is one SVG with a curve for each figure, in both looks, and nothing from outside',
  async (t) => {
    const svg = plotSvg(grown)
    t.equal(svg.match(/class="s\d curve"/g)?.length, 3)
    t.equal(svg.match(/<circle/g)?.length, 3 + 2, 'what is zero has no place on a logarithm')
    t.match(svg, 'prefers-color-scheme:dark')
    t.match(svg, '<title>A &amp; B</title>')
    t.match(svg, 'p99: 102 ms at 100')
    t.notMatch(svg, /NaN|Infinity|undefined/)
    t.notMatch(svg, /href|url\(|@import/)
    t.equal(svg.match(/<g[ >]/g)?.length, svg.match(/<\/g>/g)?.length)
  },
)

t.test('labels of a plot are short', async (t) => {
  t.same([999, 1500, 65_000, 2_500_000, 0.5].map(compact), ['999', '1.5k', '65k', '2.5M', '0.5'])
})

const run = { machine: { cores: 2 }, versions: { agentmq: '1' }, settings: { quick: false } }

t.test('the page shows plot, sentences and all figures of a growth', async (t) => {
  const page = growthMarkdown({ ...run, growths: [grown] })
  t.match(page, `![A & B](${plotFile(growth)})`)
  t.match(page, '* The p50 goes from 1 ms to 101 ms.')
  t.match(page, '| things | p50, ms | p99, ms | size, MB |')
  t.match(page, '| 100 | 101 | 102 | 100 |')
  t.match(resultsMarkdown({ ...run, measures: [], growth: { ...run, growths: [grown] } }), page)
})

t.test('of a growth that failed the page says why, and nothing else', async (t) => {
  const failed = growthResult(growth, points.slice(0, 1), 'failed: no broker')
  t.same(failed.text, [])
  const page = growthMarkdown({ ...run, growths: [failed] })
  t.match(page, 'Not run: failed: no broker.')
  t.notMatch(page, /!\[|\| things/)
})

t.test('a run of a part leaves the rest and its machine as they were', async (t) => {
  const measured = (name: string, ours: number) => ({ name, ours }) as MeasureResult
  const earlier: Results = {
    ...{ ...run, machine: { cores: 1 } },
    measures: [measured('b', 1), measured('gone', 1), measured('a', 1)],
  }
  const order = { measures: [{ name: 'a' }, { name: 'b' }], growths: [growth] }
  const withGrowth = merged(
    earlier,
    { ...run, measures: [], growth: { ...run, growths: [grown] } },
    order,
  )
  t.same(withGrowth.machine, { cores: 1 }, 'that of the measures')
  t.same(withGrowth.growth?.machine, { cores: 2 })
  t.same(
    withGrowth.measures.map(({ name }) => name),
    ['a', 'b'],
  )
  const again = merged(withGrowth, { ...run, measures: [measured('b', 2)] }, order)
  t.same(
    again.measures.map(({ ours }) => ours),
    [1, 2],
  )
  t.same(again.machine, { cores: 2 })
  t.match(again.measures[0]?.from, /agentmq 1, full/, 'what is left says where it comes from')
  t.equal(again.measures[1]?.from, undefined)
  t.same(again.growth, withGrowth.growth)
  const third = merged(again, { ...run, measures: [measured('b', 3)] }, order)
  t.equal(third.measures[0]?.from, again.measures[0]?.from, 'and goes on saying it')
})

t.test('each growth rises from point to point, and can be drawn', async (t) => {
  for (const { name, points, quickPoints, panels } of GROWTHS) {
    t.match(name, /^growth-/)
    for (const all of [points, quickPoints]) {
      t.same(
        all,
        [...new Set(all)].sort((a, b) => a - b),
        `${name} rises`,
      )
    }
    t.ok(quickPoints.length < points.length, `${name} has less to do when quick`)
    t.ok(panels.every(({ figures }) => figures.length <= MOST_SERIES))
  }
})
