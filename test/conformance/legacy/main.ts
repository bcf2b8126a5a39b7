/** `npm run conformance -- --vectors FILE`: runs the cases of a file against a shim. */
import { readFileSync } from 'node:fs'
import { readFlags } from '../../run/flags.ts'
import { EXIT_CODES, exitCodeOf, jsonReport, summary, tell } from './report.ts'
import { runAll } from './run-all.ts'
import { RunningShimSource } from './running-shim.ts'
import { programsIn } from './setup-words.ts'
import { StackPool } from './stack-pool.ts'
import { parseVectors, sentBy, type Vector } from './vector.ts'

const PURPOSE = [
  'Starts brokers, hosts and shims and runs every case of a file against one that is fresh, or out of',
  'which all that earlier cases left has been taken; what does not pass there is tried on a fresh one.',
  'Cases with what a standard asks for are held to that as well. With the address of a door they run',
  'against the shim that is there. Exit code: 0 every case passed or is a deliberate difference; 1 some',
  'failed; 2 wrong usage, or a file that cannot be read; 3 none failed and some could not be run.',
].join(' ')

const flags = await readFlags({
  name: 'npm run conformance --',
  purpose: PURPOSE,
  flags: {
    vectors: { type: 'string', describe: 'Cases, one JSON object a line; needed' },
    json: {
      type: 'boolean',
      default: false,
      describe: `{passed, differences, failed, notRun, transports: {NAME: {passed, ...}}, strict: {passed, ...},
cases: [{id, transport, is, defects?, mismatches?, instead?, reason?, strict?}]}; \`is\` is passed, difference, failed,
broken or not run`,
    },
    only: { type: 'string', array: true, describe: 'These cases; * stands for anything' },
    fresh: {
      type: 'boolean',
      default: false,
      describe: 'A broker, a host and a shim for each case alone',
    },
    http: { type: 'string', describe: 'URL of a running shim' },
    unix: { type: 'string', describe: 'Path of its socket' },
    ws: { type: 'string', describe: 'URL of its WebSocket door' },
    pub: { type: 'string', describe: 'Endpoint of its PUB socket' },
    rep: { type: 'string', describe: 'Endpoint of its REP socket' },
    broker: { type: 'string', describe: 'Endpoint of the broker behind it' },
    'jwt-secret': { type: 'string', describe: 'With which the shim checks tokens' },
    'api-key': { type: 'string', describe: 'Which it takes in place of a token' },
  },
})

/** Tells what is wrong, and ends. */
function refuse(reason: string): never {
  process.stderr.write(`${reason}\n`)
  process.exit(EXIT_CODES.usage)
}

function say(lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`)
}

function chosen(vectors: readonly Vector[]): readonly Vector[] {
  const { only = [] } = flags
  if (only.length === 0) return vectors
  const patterns = only.map((id) => new RegExp(`^${id.split('*').map(escaped).join('.*')}$`))
  return vectors.filter(({ id }) => patterns.some((pattern) => pattern.test(id)))
}

function escaped(text: string): string {
  return text.replace(/[\\^$.+?()[\]{}|]/g, '\\$&')
}

function source(vectors: readonly Vector[]): StackPool | RunningShimSource {
  const { http, unix, ws, pub, rep, broker } = flags
  const doors = { http, unix, ws, pub, rep }
  const open = Object.entries(doors).filter(([, address]) => address !== undefined)
  if (open.length === 0) return new StackPool(programsIn(sentBy(vectors)))
  const secret = flags['jwt-secret']
  return new RunningShimSource({
    doors: Object.fromEntries(open),
    ...(broker !== undefined && { broker }),
    ...(secret !== undefined && { auth: { secret, apiKey: flags['api-key'] } }),
  })
}

/** The cases of a file; it is told which line is wrong. */
function read(file: string): readonly Vector[] {
  try {
    return chosen(parseVectors(readFileSync(file, 'utf8')))
  } catch (error) {
    return refuse(`${file}: ${(error as Error).message}`)
  }
}

async function main(vectors: readonly Vector[]): Promise<number> {
  const from = source(vectors)
  try {
    const told = flags.json
      ? () => undefined
      : (result: Parameters<typeof tell>[0]) => say(tell(result))
    const results = await runAll(vectors, { source: from, alwaysFresh: flags.fresh, told })
    say(flags.json ? [jsonReport(results)] : summary(results))
    return exitCodeOf(results)
  } finally {
    await from.close()
  }
}

process.exitCode = await main(
  read(flags.vectors ?? refuse('--vectors FILE is needed; --help tells more')),
)
