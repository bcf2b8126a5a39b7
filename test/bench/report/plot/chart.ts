/** One chart: figures of one unit over a number that grows, both axes logarithmic. Pure. */
import type { Panel, Point } from '../../growth/growth.ts'
import { compact } from '../numbers.ts'
import { type LogScale, logScale } from './log-scale.ts'
import { element, escaped, words } from './svg.ts'

export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

/** Room around the curves for titles and labels, px. */
const ROOM = { left: 50, right: 26, top: 46, bottom: 40 } as const
/** Labels of the x axis that are closer than this are left out, px. */
const LABEL_PX = 34
const DOT_PX = 3
/** A curve that rises by more to the next point crosses what is written above this one, px. */
const STEEP_PX = 12
/** Of the height, above and below all points, for what is written there. */
const PADDING = 0.07

interface Frame {
  readonly box: Box
  readonly x: LogScale
  readonly y: LogScale
  /** Zero lies a step before the first point, as a logarithm has none. */
  readonly atX: (value: number) => number
  readonly atY: (value: number) => number
}

function frameOf(box: Box, { figures }: Panel, points: readonly Point[]): Frame {
  const values = points.flatMap((point) => figures.map((name) => point.figures[name] ?? 0))
  const xs = points.map(({ x }) => x)
  const y = logScale(values)
  const x = tight(xs)
  const [width, height] = [box.width - ROOM.left - ROOM.right, box.height - ROOM.top - ROOM.bottom]
  return {
    ...{ box, x, y },
    atX: (value) => box.x + ROOM.left + x.place(value) * width,
    atY: (value) =>
      box.y + ROOM.top + (PADDING + (1 - y.place(value)) * (1 - 2 * PADDING)) * height,
  }
}

/** From the first point to the last. Zero, where it is a point, has a tenth of the axis for itself. */
function tight(xs: readonly number[]): LogScale {
  const positive = xs.filter((x) => x > 0)
  const [from, to] = [Math.min(...positive), Math.max(...positive)]
  const foot = xs.includes(0) ? 0.12 : 0
  const decades = Math.log10(to / from) || 1
  const place = (value: number) =>
    value <= 0 ? 0 : foot + (Math.log10(value / from) / decades) * (1 - foot)
  return { from, to, ticks: xs, place }
}

function axes({ box, x, y, atX, atY }: Frame, xTitle: string): string[] {
  const [left, right] = [box.x + ROOM.left, box.x + box.width - ROOM.right]
  const foot = box.y + box.height - ROOM.bottom
  const rows = y.ticks.flatMap((tick) => [
    element('line', { class: 'grid', x1: left, x2: right, y1: atY(tick), y2: atY(tick) }),
    words(compact(tick), {
      ...{ class: 'quiet small', x: left - 6, y: atY(tick) + 4, 'text-anchor': 'end' },
    }),
  ])
  let taken = Number.POSITIVE_INFINITY
  // From the last one, which must not be left out.
  const columns = [...x.ticks].reverse().flatMap((tick) => {
    if (taken - atX(tick) < LABEL_PX) return []
    taken = atX(tick)
    return [
      words(compact(tick), {
        ...{ class: 'quiet small', x: atX(tick), y: foot + 16, 'text-anchor': 'middle' },
      }),
    ]
  })
  const title = words(xTitle, {
    ...{ class: 'quiet small', x: (left + right) / 2, y: foot + 32, 'text-anchor': 'middle' },
  })
  return [...rows, ...columns, title]
}

interface Spot {
  readonly x: number
  readonly value: number
  readonly cx: number
  readonly cy: number
}

/** A logarithm has no zero: what is none is not drawn. */
function curve(frame: Frame, points: readonly Point[], series: Series): string[] {
  const spots = points.flatMap(({ x, figures }): Spot[] => {
    const value = figures[series.name] ?? 0
    return value > 0 ? [{ x, value, cx: frame.atX(x), cy: frame.atY(value) }] : []
  })
  const path = spots.map(({ cx, cy }, place) => `${place === 0 ? 'M' : 'L'}${px(cx)} ${px(cy)}`)
  return [
    element('path', { class: `s${series.index} curve`, d: path.join(' ') }),
    ...spots.map((spot) => dot(spot, series)),
    ...endLabel(spots[0], spots[1], { index: series.index, anchor: 'start' }),
    ...endLabel(spots.at(-1), spots.at(-2), { index: series.index, anchor: 'end' }),
  ]
}

/** Round for the first figure, square for the others: colours alone do not tell them apart for everybody. */
function dot({ x, value, cx, cy }: Spot, { name, index, unit }: Series): string {
  const tip = [
    element('title', {}, [escaped(`${name}: ${compact(value)} ${unit} at ${compact(x)}`)]),
  ]
  if (index === 0) return element('circle', { class: `s${index}`, cx, cy, r: DOT_PX }, tip)
  const place = { x: cx - DOT_PX, y: cy - DOT_PX, width: 2 * DOT_PX, height: 2 * DOT_PX }
  return element('rect', { class: `s${index}`, ...place }, tip)
}

/** The value at an end of a curve, on the side where the curve is not. */
function endLabel(
  end: Spot | undefined,
  next: Spot | undefined,
  { index, anchor }: { readonly index: number; readonly anchor: 'start' | 'end' },
): string[] {
  if (!end) return []
  const isBelow = next !== undefined && end.cy - next.cy > STEEP_PX
  const place = { x: end.cx, y: end.cy + (isBelow ? 16 : -8), 'text-anchor': anchor }
  return [words(compact(end.value), { class: `t${index} small bold`, ...place })]
}

const px = (value: number): string => value.toFixed(1)

interface Series {
  readonly name: string
  readonly index: number
  readonly unit: string
}

/** Which colour is which, where there are several. */
function legend(
  { figures }: Panel,
  { x, y }: { readonly x: number; readonly y: number },
): string[] {
  if (figures.length < 2) return []
  const spans = figures.map((name, index) =>
    element('tspan', { class: `t${index} bold`, ...(index > 0 && { dx: 10 }) }, [escaped(name)]),
  )
  return [element('text', { class: 'small', x, y }, spans)]
}

export function chart(
  panel: Panel,
  { box, points, x }: { readonly box: Box; readonly points: readonly Point[]; readonly x: string },
): string {
  const frame = frameOf(box, panel, points)
  const { unit, figures } = panel
  const title = `${panel.title} [${unit}]`
  return element('g', {}, [
    words(title, { class: 'ink bold', x: box.x + 12, y: box.y + 18 }),
    ...legend(panel, { x: box.x + 12, y: box.y + 34 }),
    ...axes(frame, x),
    ...figures.flatMap((name, index) => curve(frame, points, { name, index, unit })),
  ])
}
