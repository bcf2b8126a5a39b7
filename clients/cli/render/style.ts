/** Colours as functions of text, so that callers never ask whether there are any. */
import { styleText } from 'node:util'

const STYLES = ['bold', 'dim', 'red', 'green', 'yellow', 'cyan'] as const
export type StyleName = (typeof STYLES)[number]
export type Style = Readonly<Record<StyleName, (text: string) => string>>

type Paint = (text: string) => string

function styles(paint: (name: StyleName) => Paint): Style {
  return {
    bold: paint('bold'),
    dim: paint('dim'),
    red: paint('red'),
    green: paint('green'),
    yellow: paint('yellow'),
    cyan: paint('cyan'),
  }
}

const PLAIN = styles(() => (text) => text)
/** Whether to paint was decided for the stream at hand. An empty text stays empty: no stray codes. */
const COLOURED = styles(
  (name) => (text) => (text === '' ? '' : styleText(name, text, { validateStream: false })),
)

export function stylesFor(isColourful: boolean): Style {
  return isColourful ? COLOURED : PLAIN
}
