/** Plain tables: columns as wide as their content, no borders, so that `awk` and `cut` can read them. */
import { displayWidth, padEnd, padStart, truncate } from './display-width.ts'
import { safeLine } from './safe-text.ts'
import type { Style } from './style.ts'

export interface Column<Row> {
  readonly title: string
  readonly value: (row: Row) => string
  readonly align?: 'left' | 'right'
  /** Colours the cell after it was laid out. */
  readonly paint?: (cell: string, row: Row) => string
}

export interface TableOptions {
  readonly columns: number
  readonly style: Style
}

const SPACE = '  '
const MIN_LAST_WIDTH = 8

/** The lines of a table. The last column is cut to the terminal; an empty cell shows as a dash. */
export function table<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  options: TableOptions,
): string[] {
  const cells = rows.map((row) => columns.map((column) => safeLine(column.value(row)) || '-'))
  const widths = fittingWidths(columns, cells, options.columns)
  const titles = columns.map((column) => column.title)
  const head = joined(columns, titles, widths, (cell) => cell)
  const body = rows.map((row, index) =>
    joined(columns, cells[index] ?? [], widths, (cell, column) =>
      column.paint ? column.paint(cell, row) : cell,
    ),
  )
  return [options.style.dim(head), ...body]
}

function fittingWidths<Row>(
  columns: readonly Column<Row>[],
  cells: readonly (readonly string[])[],
  available: number,
): number[] {
  const widths = columns.map(({ title }, index) =>
    Math.max(displayWidth(title), ...cells.map((row) => displayWidth(row[index] ?? ''))),
  )
  const last = widths.length - 1
  const before = widths.slice(0, last).reduce((sum, width) => sum + width + SPACE.length, 0)
  const room = Math.max(MIN_LAST_WIDTH, available - before)
  return widths.map((width, index) => (index === last ? Math.min(width, room) : width))
}

function joined<Row>(
  columns: readonly Column<Row>[],
  cells: readonly string[],
  widths: readonly number[],
  paint: (cell: string, column: Column<Row>) => string,
): string {
  const laidOut = columns.map((column, index) => {
    const width = widths[index] ?? 0
    const text = truncate(cells[index] ?? '', width)
    if (column.align === 'right') return paint(padStart(text, width), column)
    return paint(index === columns.length - 1 ? text : padEnd(text, width), column)
  })
  return laidOut.join(SPACE)
}
