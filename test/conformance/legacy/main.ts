/** `npm run conformance -- --vectors FILE`: runs the cases of a file against a shim. */
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { hasFailed, jsonReport, summary, tell } from './report.ts'
import { runAll } from './run-all.ts'
import { RunningShimSource } from './running-shim.ts'
import { programsIn } from './setup-words.ts'
import { StackPool } from './stack-pool.ts'
import { parseVectors, sentBy, type Vector } from './vector.ts'

const HELP = `npm run conformance -- --vectors FILE [--json] [--only ID ...] [--fresh]
                       [--http URL] [--unix PATH] [--ws URL] [--pub ENDPOINT] [--rep ENDPOINT]
                       [--broker ENDPOINT] [--jwt-secret SECRET] [--api-key KEY]

Runs each case against a broker, a host and a shim of its own; cases that can neither change nor see
the state of a server share one (--fresh: none does). With the address of a door it runs them
against the shim that is there.

  --vectors FILE  cases, one JSON object a line
  --json          the results as JSON
  --only ID       this case; \`*\` stands for anything; may be given several times
`

const { values: flags } = parseArgs({
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
})

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

async function main(file: string): Promise<number> {
  const vectors = chosen(parseVectors(readFileSync(file, 'utf8')))
  const from = source(vectors)
  try {
    const told = flags.json
      ? () => undefined
      : (result: Parameters<typeof tell>[0]) => say(tell(result))
    const results = await runAll(vectors, { source: from, alwaysFresh: flags.fresh, told })
    say(flags.json ? [jsonReport(results)] : summary(results))
    return hasFailed(results) ? 1 : 0
  } finally {
    await from.close()
  }
}

if (flags.help || flags.vectors === undefined) {
  say([HELP])
  process.exitCode = flags.help ? 0 : 2
} else {
  process.exitCode = await main(flags.vectors)
}
