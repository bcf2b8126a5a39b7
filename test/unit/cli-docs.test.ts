/** docs/cli.md agrees with the tables. `TAP_SNAPSHOT=1` writes its generated sections anew. */
import { readFileSync, writeFileSync } from 'node:fs'
import t from 'tap'
import { COMMAND_NAMES, COMMANDS } from '../../clients/cli/command-table.ts'
import { EXIT_CODES } from '../../clients/cli/exit-codes.ts'
import {
  commandReference,
  exitCodeReference,
  globalReference,
} from '../../clients/cli/reference.ts'

const PAGE = new URL('../../../docs/cli.md', import.meta.url)

const SECTIONS: Readonly<Record<string, () => string | Promise<string>>> = {
  'exit codes': exitCodeReference,
  'global flags': globalReference,
  commands: commandReference,
}

function marks(section: string): readonly [begin: string, end: string] {
  return [`<!-- begin ${section} (generated) -->\n`, `<!-- end ${section} -->`]
}

async function generated(page: string): Promise<string> {
  let text = page
  for (const [section, render] of Object.entries(SECTIONS)) {
    const [begin, end] = marks(section)
    const from = text.indexOf(begin) + begin.length
    text = `${text.slice(0, from)}${await render()}\n${text.slice(text.indexOf(end))}`
  }
  return text
}

t.test('the generated sections of docs/cli.md are up to date', async (t) => {
  const page = readFileSync(PAGE, 'utf8')
  const wanted = await generated(page)
  if (process.env['TAP_SNAPSHOT'] === '1') writeFileSync(PAGE, wanted)
  else t.equal(page, wanted)
})

t.test('every command and every exit code is on the page', async (t) => {
  const page = readFileSync(PAGE, 'utf8')
  for (const name of COMMAND_NAMES) {
    t.match(page, `### agentmq ${COMMANDS[name].usage}`)
    for (const [example] of COMMANDS[name].examples) t.match(page, example)
  }
  for (const { code, meaning } of Object.values(EXIT_CODES))
    t.match(page, `| ${code} | ${meaning} |`)
})
