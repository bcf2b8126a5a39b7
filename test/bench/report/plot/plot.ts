/** The plot of a growth: its charts side by side, as one SVG without anything from elsewhere. Pure. */
import type { GrowthResult } from '../growth-result.ts'
import { chart } from './chart.ts'
import { element, escaped, STYLE, words } from './svg.ts'

const WIDTH = 880
const CHART_HEIGHT = 250
const HEAD = 40

export function plotSvg({ title, about, x, panels, points }: GrowthResult): string {
  const columns = panels.length % 3 === 0 || panels.length > 4 ? 3 : 2
  const [width, rows] = [WIDTH / columns, Math.ceil(panels.length / columns)]
  const height = HEAD + rows * CHART_HEIGHT + 8
  const charts = panels.map((panel, index) => {
    const place = {
      x: (index % columns) * width,
      y: HEAD + Math.floor(index / columns) * CHART_HEIGHT,
    }
    return chart(panel, { box: { ...place, width, height: CHART_HEIGHT }, points, x })
  })
  const size = { width: WIDTH, height, viewBox: `0 0 ${WIDTH} ${height}` }
  return `${element('svg', { xmlns: 'http://www.w3.org/2000/svg', role: 'img', ...size }, [
    element('title', {}, [escaped(title)]),
    element('desc', {}, [escaped(about)]),
    element('style', {}, [STYLE]),
    element('rect', {
      class: 'paper',
      x: 0.5,
      y: 0.5,
      width: WIDTH - 1,
      height: height - 1,
      rx: 6,
    }),
    words(title, { class: 'ink large', x: 12, y: 25 }),
    ...charts.map((one) => `\n${one}`),
  ])}\n`
}
