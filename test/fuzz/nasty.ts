/** Values that have hurt programs before: at the edges of types, of lengths, of what a text may hold. */

const LENGTHS = [63, 64, 65, 127, 128, 129, 255, 256, 257, 500, 501, 1024, 1025]

export const STRINGS: readonly string[] = [
  ...['', ' ', '0', '-1', '1e999', 'NaN', 'null', 'true', '[]', '{}', '{', '"', "'", '`', '\\'],
  ...[
    '\u0000',
    '\n',
    '\r\n',
    'a\nb',
    '\u001b[2J',
    '\u007f',
    '\u202e',
    '\u2028',
    '\ufeff',
    '\ufffd',
  ],
  ...['é', 'e\u0301', '中', '😀', '\ud800', '\udfff', '\udc00\ud800', 'a\ud800b'],
  ...['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'valueOf', 'then'],
  ...[
    '..',
    '../../etc/passwd',
    '/',
    'C:\\',
    'file:///',
    '@',
    '@events',
    '@workflow/',
    '@workflow/x',
  ],
  ...['%', '%00', '%ff', '%s%n', '$&', '$1', '{{steps.a.output}}', '\\{{', '{{', '}}'],
  ...[
    '(',
    '[',
    '*',
    '(a+)+$',
    '(?<n>a)',
    '(?=a)',
    '\\p{L}',
    'a{1000}',
    '((((((((a))))))))',
    '.*.*.*b',
  ],
  ...LENGTHS.map((length) => 'x'.repeat(length)),
  '中'.repeat(128),
  '😀'.repeat(200),
]

/** Longer than any text here is meant to be. */
export const LONG = 'é'.repeat(70_000)

export const NUMBERS: readonly number[] = [
  ...[0, -0, 1, -1, 2, 7, 16, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 1000, 1024, 4096],
  ...[32_767, 32_768, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 48 - 1],
  ...[2 ** 48, 2 ** 53 - 1, 2 ** 53, 2 ** 63, 2 ** 64, -(2 ** 31), -(2 ** 53), -(2 ** 63)],
  ...[0.5, -0.5, 1e-320, 1e21, 1e308, Number.NaN, Number.POSITIVE_INFINITY, -Infinity],
]

export const KEYS: readonly string[] = [
  ...[
    '__proto__',
    'constructor',
    'toString',
    'then',
    '',
    ' ',
    '\u0000',
    'id',
    'type',
    'kind',
    'key',
  ],
  ...['session', 'length', '0', '-1', 'é', '\ud800', 'key_of_tomorrow'],
]

/** Arrays within each other. */
export function nested(depth: number): unknown {
  let value: unknown = 0
  for (let level = 0; level < depth; level += 1) value = [value]
  return value
}

function nestedMaps(depth: number): unknown {
  let value: unknown = 0
  for (let level = 0; level < depth; level += 1) value = { a: value }
  return value
}

export const THINGS: readonly unknown[] = [
  null,
  true,
  false,
  [],
  {},
  [[]],
  [null],
  { '': null },
  Buffer.alloc(0),
  Buffer.from([0xff, 0xfe]),
  Buffer.alloc(32, 7),
  nested(40),
  nestedMaps(40),
  Array.from({ length: 300 }, () => 0),
]

/** More keys than some encoders can write, and as many items as a body may have. */
export const HUGE: readonly unknown[] = [
  Object.fromEntries(Array.from({ length: 70_000 }, (_, index) => [`k${index}`, '0'])),
  Array.from({ length: 200_000 }, () => 0),
  Array.from({ length: 60_000 }, () => ({})),
]
