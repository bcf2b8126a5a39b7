/** Flags of the programs for developers. */
import t from 'tap'
import { type DeveloperProgram, parseFlags } from '../run/flags.ts'

const FLAGS = {
  rounds: { type: 'number', default: 450, describe: 'Rounds' },
  seed: { type: 'number', describe: 'Seed' },
  only: { type: 'string', array: true, describe: 'Names' },
  quick: { type: 'boolean', default: false, describe: 'Quick' },
  transport: { type: 'string', choices: ['ipc', 'tcp'], default: 'ipc', describe: 'Transport' },
} as const
const PROGRAM: DeveloperProgram<typeof FLAGS> = {
  name: 'npm run something --',
  purpose: 'Does something.',
  flags: FLAGS,
}

t.test('what was given, and defaults for the rest', async (t) => {
  const none = await parseFlags([], PROGRAM)
  t.match(none, { rounds: 450, quick: false, transport: 'ipc' })
  t.same([none?.seed, none?.only], [undefined, undefined])
  const argv = ['--rounds', '7', '--only', 'a', '--only', 'b', '--quick', '--transport=tcp']
  const given = { rounds: 7, only: ['a', 'b'], quick: true, transport: 'tcp' }
  t.match(await parseFlags(argv, PROGRAM), given)
})

t.test('what cannot be meant is refused, with what could', async (t) => {
  const refused = async (...argv: string[]) => {
    const error: unknown = await parseFlags(argv, PROGRAM).catch((thrown: unknown) => thrown)
    return error
  }
  t.match(await refused('--round', '7'), { code: 'BAD_CONFIG', message: /--round.*--rounds/ })
  t.match(await refused('--rounds', 'many'), { code: 'BAD_CONFIG', message: /must be a number/ })
  t.match(await refused('--transport', 'udp'), { code: 'BAD_CONFIG', message: /ipc.*tcp/ })
  t.match(await refused('word'), { code: 'BAD_CONFIG', message: /word is not a flag/ })
})

t.test('help is printed, and nothing else done', async (t) => {
  const shown = t.capture(process.stdout, 'write', () => true)
  t.equal(await parseFlags(['--help'], PROGRAM), undefined)
  const text = shown()
    .map(({ args }) => String(args[0]))
    .join('')
  for (const expected of ['npm run something --', 'Does something.', '--rounds', 'default: 450']) {
    t.ok(text.includes(expected), expected)
  }
})
