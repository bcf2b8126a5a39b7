/** What is wrong with a JSON text, in the words of the parser that the old daemon had. */
export class JsonFault extends Error {
  override readonly name = 'JsonFault'
  /** Characters before the place; undefined until whoever reads the text knows it. */
  offset: number | undefined

  constructor(reason: string, offset?: number) {
    super(reason)
    this.offset = offset
  }

  /** With line and column, the column in bytes. */
  inText(text: string): string {
    const before = text.slice(0, this.offset ?? 0)
    const lineStart = before.lastIndexOf('\n') + 1
    const line = before.split('\n').length
    return `${this.message} at line ${line} column ${Buffer.byteLength(before.slice(lineStart))}`
  }
}

export const FAULTS = {
  eofValue: 'EOF while parsing a value',
  eofString: 'EOF while parsing a string',
  eofList: 'EOF while parsing a list',
  eofObject: 'EOF while parsing an object',
  ident: 'expected ident',
  value: 'expected value',
  number: 'invalid number',
  range: 'number out of range',
  control: 'control character (\\u0000-\\u001F) found while parsing a string',
  escape: 'invalid escape',
  surrogate: 'lone leading surrogate in hex escape',
  hexEnd: 'unexpected end of hex escape',
  key: 'key must be a string',
  colon: 'expected `:`',
  listEnd: 'expected `,` or `]`',
  objectEnd: 'expected `,` or `}`',
  comma: 'trailing comma',
  trailing: 'trailing characters',
  values: 'too many values',
  recursion: 'recursion limit exceeded',
} as const
