import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { GuardianLink } from '../../agent-host/process/guardian-link.ts'
import { hostMarkers, sessionMarkers } from '../../agent-host/process/markers.ts'
import { endOrphans } from '../../agent-host/process/orphans.ts'
import { killNow } from '../../agent-host/process/stop.ts'
import {
  DETACH,
  eventually,
  freshMarkers,
  STAY,
  startChild,
  timers,
  tree,
} from '../support/processes.ts'

const context = { tree, timers }

t.test('a starting host ends what a dead life of it left, and nothing else', async (t: Test) => {
  const hostId = `host-${process.pid}`
  const dead = { pid: process.pid, startTicks: 1 }
  const orphan = await startChild(t, {
    args: ['-e', STAY],
    markers: sessionMarkers('old', hostId, dead),
  })
  t.teardown(() => killNow(orphan.child, context))
  const own = await startChild(t, {
    args: ['-e', STAY],
    markers: sessionMarkers('new', hostId, tree.self()),
  })
  t.teardown(() => killNow(own.child, context))
  const search = { hostId, tree, timers }
  t.same(await endOrphans(search), [{ pid: orphan.child.pid, session: 'old' }])
  await orphan.child.exited
  t.equal(own.child.alive, true, 'its host, this process, lives')
  t.same(await endOrphans(search), [])
})

t.test('kill -9 of the host ends even what left its group and ignores SIGTERM', async (t: Test) => {
  const module = (name: string): string =>
    JSON.stringify(new URL(`../../agent-host/process/${name}.js`, import.meta.url).href)
  const stubborn = `process.on('SIGTERM', () => {}); ${STAY}`
  const script = join(t.testdir(), 'host.mjs')
  const hostId = `doomed-${process.pid}`
  writeFileSync(
    script,
    `import { ChildProcess } from ${module('child-process')}
     import { GuardianLink } from ${module('guardian-link')}
     import { sessionMarkers } from ${module('markers')}
     import { ProcessTree } from ${module('process-tree')}
     import { realTimers as timers } from ${module('timers')}
     const host = new ProcessTree().self()
     const link = new GuardianLink({ hostId: '${hostId}', host, timers, graceMs: 50 })
     await link.start()
     const tool = ${JSON.stringify(DETACH.replace(STAY, stubborn))}
     const markers = sessionMarkers('s', '${hostId}', host)
     const options = { backend: 'x', command: process.execPath, args: ['-e', tool + ${JSON.stringify(stubborn)}],
       cwd: '/', env: process.env, markers }
     await ChildProcess.start(options, {
       line: ({ text }) => console.log(JSON.stringify({ guardian: link.pid, tool: Number(text) })),
       overflow() {}, error() {} })
     ${STAY}`,
  )
  const { child, lines, until } = await startChild(t, { args: [script] })
  await until(() => lines.length === 1)
  const said: { guardian: number; tool: number } = JSON.parse(lines[0] ?? '')
  const guardian = tree.identify(said.guardian)
  const tool = tree.identify(said.tool)
  if (guardian === undefined || tool === undefined) throw new Error('not all of it runs')
  const marked = () => tree.marked({ AGENTMQ_HOST: hostId })
  t.teardown(() => marked().map((one) => tree.signal(one, 'SIGKILL')))
  t.equal(marked().length, 2, 'the child and its tool')
  child.signalGroup('SIGKILL')
  await child.died
  t.equal(
    tree.isAlive(guardian),
    true,
    'a kill of the group of the host does not take the guardian',
  )
  await eventually(() => marked().length === 0, 'child and tool to be ended')
  // One that is about to be gone has lost its environment, and so its markers, a moment earlier.
  await eventually(() => !tree.isAlive(tool), 'the tool to be gone')
  await eventually(() => !tree.isAlive(guardian), 'the guardian to leave')
})

t.test('a guardian that dies is started again, and a normal stop lets it go', async (t: Test) => {
  const markers = freshMarkers(t)
  const hostId = markers['AGENTMQ_HOST'] ?? ''
  const troubles: string[] = []
  const onTrouble = (error: Error): unknown => troubles.push(error.message)
  const link = new GuardianLink({ hostId, host: tree.self(), timers, onTrouble })
  t.teardown(() => link.stop())
  await link.start()
  const first = tree.identify(link.pid ?? 0)
  if (first === undefined) throw new Error('there is no guardian')
  tree.signal(first, 'SIGKILL')
  await eventually(() => link.pid !== undefined && link.pid !== first.pid, 'another guardian')
  t.match(troubles, [/SIGKILL/])
  const second = tree.identify(link.pid ?? 0)
  await link.stop()
  t.equal(second && tree.isAlive(second), false)
  await link.stop()
  t.equal(troubles.length, 1, 'leaving on request is no trouble')
  t.same(tree.marked(hostMarkers(hostId, tree.self())), [])
})
