/** `agentmq workflow` as a user types it, with the example of docs/workflows.md. */
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { runCli } from '../support/cli.ts'
import { Cluster } from '../support/cluster.ts'

const DOCS = fileURLToPath(new URL('../../../docs/workflows.md', import.meta.url))

/** The first JSON block of the page. */
function example(): string {
  const [, json] = /```json\n(.*?)```/s.exec(readFileSync(DOCS, 'utf8')) ?? []
  if (json === undefined) throw new Error('docs/workflows.md has no example')
  return json
}

t.test('the example of the documentation runs, and can be looked at', async (t) => {
  const { cluster } = await Cluster.start(t)
  writeFileSync(join(cluster.dir, 'review.json'), example())
  const agentmq = (args: string[], input = '') =>
    runCli(t, cluster.dir, ['--dir', cluster.dir, 'workflow', ...args], { input })
  const run = await agentmq(['run', 'review.json', '--input', 'branch=main'])
  t.equal(run.exit, 0, run.stderr)
  t.match(run.stdout, /^started\nstep started read/)
  t.match(run.stdout, 'bugs in the diff of main; style of the diff of main')
  const listed = await agentmq(['list'])
  t.match(listed.stdout, /EXECUTION.*\n\S+ +completed +4\/4 .* review/)
  const detached = await agentmq(['run', '-', '-d', '--json', '--input', 'branch=x'], example())
  const { execution } = JSON.parse(detached.stdout) as { execution: string }
  t.equal((await agentmq(['cancel', execution.slice(0, 8)])).exit, 0)
  t.match((await agentmq(['show', execution, '--json'])).stdout, execution)
  t.match(await agentmq(['show', 'nothing']), { exit: 3, stderr: /no workflow execution nothing/ })
})

t.test('what is wrong with a file or a flag is said', async (t) => {
  const { cluster } = await Cluster.start(t)
  const run = (input: string, ...more: string[]) =>
    runCli(t, cluster.dir, ['--dir', cluster.dir, 'workflow', 'run', '-', ...more], { input })
  t.match(await run('{'), { exit: 2, stderr: /stdin: / })
  t.match(await run('{"steps": [{"id": "a"}]}'), {
    exit: 2,
    stderr: /stdin: \/steps\/0 must have prompt/,
  })
  t.match(await run(example()), { exit: 2, stderr: /step read: it quotes input branch/ })
  t.match(await run(example(), '--input', 'branch'), { exit: 2, stderr: /must be NAME=VALUE/ })
})
