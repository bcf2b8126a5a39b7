/** Approvals on the command line: what waits, who answers, and what is on disk afterwards. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { cliUser, records } from '../support/cli-user.ts'

const { cluster, run, start } = await cliUser(t)
const exists = (name: string) => existsSync(join(cluster.workspace, name))

/** Starts a session whose agent asks whether it may create the file, and waits until it has asked. */
async function asking(name: string, file: string) {
  await run(['spawn', '--backend', 'demo', '--name', name])
  const turn = start(['prompt', name, `@@create(${file})`])
  await turn.says('it waits for an answer')
  return turn
}

t.test('approve and deny by session, and what waits is listed', async (t) => {
  const yes = await asking('yes', 'yes.txt')
  const no = await asking('no', 'no.txt')
  const listed = await run(['approvals'])
  t.match(listed.stdout, /APPROVAL .*QUESTION\n(.*CreateFile: (yes|no)\.txt\n){2}/)
  t.match((await run(['ps'])).stdout, /ASKS[\s\S]*yes +running/)
  t.equal(exists('yes.txt'), false)

  t.match(await run(['approve', 'yes']), {
    exit: 0,
    stdout: /allowed by local: CreateFile: yes\.txt \(the agent has the answer\)/,
  })
  t.match(await run(['deny', 'no', '--message', 'not now']), { exit: 0, stdout: /denied by local/ })
  t.match(await yes.result, { exit: 0, stdout: /✓ allowed by local.*\n[\s\S]*I have created yes/ })
  t.match(await no.result, { exit: 0, stdout: /✗ denied by local: not now[\s\S]*I did not create/ })
  t.same([exists('yes.txt'), exists('no.txt')], [true, false])
  t.match(await run(['approvals']), { exit: 0, stdout: '', stderr: /nothing waits/ })
})

t.test('an answer that comes too late, or to nothing, says what to do', async (t) => {
  const turn = await asking('late', 'late.txt')
  const [asked] = records((await run(['approvals', '--json'])).stdout) as [
    { approvals: { approval: string }[] },
  ]
  const id = asked.approvals[0]?.approval.slice(0, 8) ?? ''
  t.match(await run(['deny', id, '--interrupt']), { exit: 0 })
  t.match(await turn.result, { stdout: /interrupted/ })
  t.match(await run(['approve', id]), { exit: 6, stderr: /settled already: deny by local/ })
  t.match(await run(['approve', 'late']), {
    exit: 2,
    stderr: /nothing waits.*\n.*agentmq approvals/,
  })
  t.match(await run(['approve', 'nobody']), { exit: 3, stderr: /no approval nobody/ })
  t.equal(exists('late.txt'), false)
})

t.test('approvals -f tells what is asked and answered, in any session', async (t) => {
  const follow = start(['approvals', '-f'], { input: null })
  const turn = await asking('watched', 'watched.txt')
  await follow.says('? CreateFile: watched.txt')
  await run(['approve', 'watched', '--always'])
  await follow.says('always allowed by local')
  await turn.result
  t.equal(exists('watched.txt'), true)
  follow.process.kill('SIGINT')
  await follow.result
})

t.test('a chat over a pipe says what to run, and denies in time when told so', async (t) => {
  const args = ['chat', '--backend', 'demo', '--deny-after', '0.5', '@@create(chat.txt)']
  const chat = await run(args)
  t.match(chat.stderr, /it waits for an answer: agentmq approve \w{8} {2}or {2}agentmq deny/)
  t.match(chat.stdout, /✗ expired: Nobody answered within 0.5 s/)
  t.equal(exists('chat.txt'), false)
})
