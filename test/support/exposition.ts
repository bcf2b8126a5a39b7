/** Reads the text format of Prometheus as strictly as a scraper does. */
const LINE = /^([a-z_:][a-z0-9_:]*)(?:\{(.*)\})? (-?\d+(?:\.\d+)?(?:e[+-]?\d+)?|\+Inf)$/
const LABEL = /([a-z_]+)="((?:[^"\\]|\\.)*)"(?:,|$)/gy

export interface Scraped {
  /** Type by the name of the metric. */
  readonly types: ReadonlyMap<string, string>
  readonly help: ReadonlyMap<string, string>
  /** Values by name and labels, as `name{a="b"}` with the labels in order of their names. */
  readonly values: ReadonlyMap<string, number>
}

/** Throws for a line that no scraper would take, and for a value that comes twice. */
export function scrape(text: string): Scraped {
  const types = new Map<string, string>()
  const help = new Map<string, string>()
  const values = new Map<string, number>()
  for (const line of text.split('\n').filter((line) => line !== '')) {
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) (.*)$/.exec(line) ?? []
    if (keyword === 'HELP') help.set(name, rest)
    else if (keyword === 'TYPE') types.set(name, rest)
    else {
      const [key, value] = sample(line)
      if (values.has(key)) throw new Error(`${key} comes twice`)
      values.set(key, value)
    }
  }
  return { types, help, values }
}

function sample(line: string): [string, number] {
  const [, name = '', inner, value = ''] = LINE.exec(line) ?? []
  if (name === '') throw new Error(`not a sample: ${line}`)
  return [`${name}${labels(inner, line)}`, Number(value)]
}

function labels(inner: string | undefined, line: string): string {
  if (inner === undefined) return ''
  const found = [...inner.matchAll(LABEL)]
  if (found.map(([whole]) => whole).join('') !== inner) throw new Error(`bad labels: ${line}`)
  return `{${found
    .map(([, name, value]) => `${name}="${value}"`)
    .sort()
    .join(',')}}`
}
