/** Command lines of the old tool, as this one takes them. */
import t from 'tap'
import { asSpelledNow } from '../../clients/cli/old-spelling.ts'

const now = (line: string): string => asSpelledNow(line.split(' ')).join(' ')

t.test('flags of old are spelled as they are now', (t) => {
  const lines: readonly (readonly [old: string, now: string])[] = [
    ['ps -f json -a', 'ps --json -a'],
    ['ps --format=json', 'ps --json'],
    ['ps --format table', 'ps'],
    ['--dir /x ps -f json', '--dir /x ps --json'],
    ['logs blue -f --format json -l 5', 'logs blue -f --json -l 5'],
    ['kill -f blue', 'kill blue'],
    ['kill blue --force', 'kill blue'],
    ['pause --force blue', 'pause --freeze blue'],
    [
      'spawn -t hello -p demo -m big -s short',
      'spawn --backend demo --model big --system-prompt short -- hello',
    ],
    ['spawn --task=hello --provider=demo --stream', 'spawn --backend demo -- hello'],
    ['completions bash', 'completion bash'],
  ]
  for (const [old, expected] of lines) t.equal(now(old), expected, old)
  t.end()
})

t.test('lines of today are left as they are', (t) => {
  const lines = [
    'ps --all --json',
    'kill blue green',
    'logs blue -f --since 3',
    'spawn --backend demo -- -t is no flag here',
    'spawn --backend demo fix it',
    'prompt blue -f',
    '--help',
    '--json --dir',
    'host --name ps',
  ]
  for (const line of lines) t.equal(now(line), line)
  t.same(asSpelledNow([]), [])
  t.same(asSpelledNow(['spawn', '-t', 'two words', '--', 'more']), [
    'spawn',
    '--',
    'two words',
    'more',
  ])
  t.end()
})
