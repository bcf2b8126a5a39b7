import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parseIdentity } from '../../agent-host/process/markers.ts'
import { type ProcessIdentity, ProcessTree } from '../../agent-host/process/process-tree.ts'
import { killNow, stop } from '../../agent-host/process/stop.ts'
import { STAY, startScript, startWithTool, timers, tree } from '../support/processes.ts'

const context = { tree, timers }

t.test('finds itself, and tells a process from a later one with its pid', async (t: Test) => {
  t.equal(tree.available, true)
  const self = tree.self()
  t.equal(self.pid, process.pid)
  t.equal(tree.isAlive(self), true)
  t.equal(tree.isAlive({ ...self, startTicks: self.startTicks - 1 }), false)
  t.same(parseIdentity(`${self.pid}:${self.startTicks}`), self)
  t.equal(parseIdentity('1:2:3'), undefined)
})

t.test('lists children and their children, in whatever process group', async (t: Test) => {
  const { child, tool } = await startWithTool(t, STAY)
  t.same(tree.descendants(child.pid), [tool])
  t.ok(tree.descendants(process.pid).some(({ pid }) => pid === tool.pid))
  await killNow(child, context)
})

t.test('finds processes by their markers, and none for no markers', async (t: Test) => {
  const { child, tool } = await startWithTool(t, STAY)
  const pids = tree.marked(child.markers).map(({ pid }) => pid)
  t.same(new Set(pids), new Set([child.pid, tool.pid]))
  t.same(tree.marked({ ...child.markers, MORE: 'x' }), [])
  t.same(tree.marked({}), [])
  t.equal(tree.variable(tool, 'AGENTMQ_SESSION'), child.markers['AGENTMQ_SESSION'])
  t.equal(tree.variable(tool, 'NOT_SET'), undefined)
  await killNow(child, context)
})

t.test('tells what a process and its descendants use', async (t: Test) => {
  const { child } = await startWithTool(t, STAY)
  const usage = tree.usage([child.pid, process.pid, 2 ** 22 + 1])
  t.strictSame([...usage.keys()], [child.pid, process.pid], 'of what is there')
  const used = usage.get(child.pid)
  t.equal(used?.processes, 2)
  t.ok((used?.rssBytes ?? 0) > 20_000_000, `${used?.rssBytes} bytes for two Node processes`)
  t.ok((used?.cpuMs ?? 0) > 0, `${used?.cpuMs} ms to start them`)
  const own = usage.get(process.pid)
  t.ok((own?.processes ?? 0) >= 3, 'itself and the two')
  await killNow(child, context)
})

t.test('never signals init, itself, or a pid that changed hands', async (t: Test) => {
  const { child, tool } = await startWithTool(t, STAY)
  const of = (pid: number): ProcessIdentity => tree.identify(pid) ?? { pid, startTicks: 0 }
  for (const pid of [-1, 0, 1, process.pid]) t.equal(tree.signal(of(pid), 'SIGKILL'), false)
  t.equal(tree.signal({ ...tool, startTicks: tool.startTicks + 1 }, 'SIGKILL'), false)
  t.equal(tree.isAlive(tool), true)
  await killNow(child, context)
})

t.test(
  'reads a name with spaces and parentheses, and survives nonsense in /proc',
  async (t: Test) => {
    const root = t.testdir()
    const row = (state: string, parent: number, start: number): string =>
      `(a) b ) ${state} ${parent} 7 7 ${'0 '.repeat(15)}${start} 0 0`
    const write = (pid: number, stat: string): void => {
      mkdirSync(join(root, String(pid)))
      writeFileSync(join(root, String(pid), 'stat'), `${pid} ${stat}`)
      writeFileSync(join(root, String(pid), 'environ'), 'A=1\0B=2\0')
    }
    write(50, row('S', 1, 111))
    write(51, row('S', 50, 222))
    write(52, row('Z', 50, 333))
    write(53, 'nonsense')
    mkdirSync(join(root, '54'))
    const fake = new ProcessTree(root)
    t.same(fake.descendants(50), [{ pid: 51, startTicks: 222 }])
    t.same(
      fake.marked({ B: '2', A: '1' }).map(({ pid }) => pid),
      [50, 51],
    )
    t.same(fake.marked({ B: '' }), [])
  },
)

t.test('without /proc nothing is found and the process group is all there is', async (t: Test) => {
  const none = new ProcessTree(join(t.testdir(), 'no-proc'))
  t.equal(none.available, false)
  t.same(none.descendants(process.pid), [])
  t.same(none.self(), { pid: process.pid, startTicks: 0 })
  const { child } = await startScript(t, STAY)
  const report = await stop(child, { tree: none, timers, times: { eofMs: 0, termMs: 5000 } })
  t.match(report, { how: 'SIGTERM', exit: { signal: 'SIGTERM' } })
})
