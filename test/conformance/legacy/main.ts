/** `npm run conformance -- --vectors FILE`: runs the cases of a file against a shim. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { EXIT_CODES, exitCodeOf, jsonReport, summary, tell } from './report.ts'
import { runAll } from './run-all.ts'
import { RunningShimSource } from './running-shim.ts'
import { programsIn } from './setup-words.ts'
import { StackPool } from './stack-pool.ts'
import { parseVectors, sentBy, type Vector } from './vector.ts'

const HELP = `npm run conformance -- --vectors FILE [--json] [--only ID ...] [--fresh]
                       [--http URL] [--unix PATH] [--ws URL] [--pub ENDPOINT] [--rep ENDPOINT]
                       [--broker ENDPOINT] [--jwt-secret SECRET] [--api-key KEY]

Starts brokers, hosts and shims and runs every case of a file against one that is fresh, or out of
which all that earlier cases left has been taken; what does not pass there is tried on a fresh one.
Cases with what a standard asks for are held to that as well. With the address of a door they run
against the shim that is there.

  --vectors FILE  cases, one JSON object a line
  --json          {passed, differences, failed, notRun, transports: {NAME: {passed, ...}},
                  strict: {passed, ...}, cases: [{id, transport, is, defects?, mismatches?, instead?,
                  reason?, strict?}]}; \`is\` is passed, difference, failed, broken or not run
  --only ID       this case; \`*\` stands for anything; may be given several times
  --fresh         a broker, a host and a shim for each case alone

Exit code: 0 every case passed or is a deliberate difference; 1 some failed; 2 wrong usage, or a file
that cannot be read; 3 none failed and some could not be run.
`

/** Tells what is wrong, and ends. */
function refuse(reason: unknown): never {
  process.stderr.write(`${reason instanceof Error ? reason.message : String(reason)}\n`)
  process.exit(EXIT_CODES.usage)
}

function usage() {
  try {
    return parseArgs({
      options: {
        vectors: { type: 'string' },
        json: { type: 'boolean', default: false },
        only: { type: 'string', multiple: true, default: [] },
        fresh: { type: 'boolean', default: false },
        http: { type: 'string' },
        unix: { type: 'string' },
        ws: { type: 'string' },
        pub: { type: 'string' },
        rep: { type: 'string' },
        broker: { type: 'string' },
        'jwt-secret': { type: 'string' },
        'api-key': { type: 'string' },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    return refuse(error)
  }
}

const flags = usage()

function say(lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`)
}

function chosen(vectors: readonly Vector[]): readonly Vector[] {
  if (flags.only.length === 0) return vectors
  const patterns = flags.only.map((id) => new RegExp(`^${id.split('*').map(escaped).join('.*')}$`))
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

if (flags.help) say([HELP])
else if (flags.vectors === undefined) refuse(HELP)
else process.exitCode = await main(read(flags.vectors))
