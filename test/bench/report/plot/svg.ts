/** Elements of SVG as text, and the look of all plots, in light and in dark. Pure. */

type Attributes = Readonly<Record<string, string | number>>

export function escaped(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

/** `children` are elements, not text. */
export function element(name: string, attributes: Attributes, children: readonly string[] = []) {
  const all = Object.entries(attributes)
    .map(
      ([key, value]) => ` ${key}="${typeof value === 'number' ? rounded(value) : escaped(value)}"`,
    )
    .join('')
  return children.length === 0
    ? `<${name}${all}/>`
    : `<${name}${all}>${children.join('')}</${name}>`
}

export function words(text: string, attributes: Attributes): string {
  return element('text', attributes, [escaped(text)])
}

function rounded(value: number): string {
  return String(Number(value.toFixed(1)))
}

interface Look {
  readonly paper: string
  readonly ink: string
  readonly quiet: string
  readonly line: string
  readonly series: readonly string[]
}

const LIGHT: Look = {
  ...{ paper: '#ffffff', ink: '#1f2328', quiet: '#59636e', line: '#dfe3e8' },
  series: ['#0969da', '#bc4c00', '#1a7f37'],
}
const DARK: Look = {
  ...{ paper: '#0d1117', ink: '#e6edf3', quiet: '#9198a1', line: '#2d333b' },
  series: ['#58a6ff', '#f0883e', '#3fb950'],
}
/** Figures that one chart can hold: as many as there are colours. */
export const MOST_SERIES = LIGHT.series.length

function rules({ paper, ink, quiet, line, series }: Look): string {
  return [
    `.paper{fill:${paper};stroke:${line}}`,
    `.ink{fill:${ink}}`,
    `.quiet{fill:${quiet}}`,
    `.grid{stroke:${line}}`,
    ...series.flatMap((colour, index) => [
      `.s${index}{fill:${colour};stroke:${colour}}`,
      `.t${index}{fill:${colour}}`,
    ]),
  ].join('')
}

/** As `<img>` it follows the browser, on its own paper, so that it can be read on any page. */
export const STYLE = [
  'text{font:12px system-ui,-apple-system,"Segoe UI",sans-serif}',
  '.small{font-size:11px}.large{font-size:15px;font-weight:600}.bold{font-weight:600}',
  '.curve{fill:none!important;stroke-width:2;stroke-linejoin:round}',
  rules(LIGHT),
  `@media(prefers-color-scheme:dark){${rules(DARK)}}`,
].join('')
