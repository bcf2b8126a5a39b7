import t, { type Test } from 'tap'
import { killNow, stop, sweepLeftovers } from '../../agent-host/process/stop.ts'
import { STAY, startScript, startWithTool, timers, tree } from '../support/processes.ts'

const context = { tree, timers }

t.test('a child that ends with its stdin is stopped by that alone', async (t: Test) => {
  const { child } = await startScript(t, 'process.stdin.resume()')
  const report = await stop(child, context)
  t.same(report, {
    how: 'end of input',
    exit: { exitCode: 0, signal: null },
    ended: [],
    survivors: [],
  })
})

t.test('a child that ignores the end of its stdin gets SIGTERM', async (t: Test) => {
  const { child, until, lines } = await startScript(
    t,
    `process.on('SIGTERM', () => process.exit(143)); console.log('up'); ${STAY}`,
  )
  await until(() => lines.length === 1)
  const report = await stop(child, { ...context, times: { eofMs: 1 } })
  t.match(report, { how: 'SIGTERM', exit: { exitCode: 143, signal: null } })
})

t.test('a child that ignores SIGTERM too gets SIGKILL, and its tools with it', async (t: Test) => {
  const { child, tool, until, lines } = await startWithTool(
    t,
    `process.on('SIGTERM', () => {}); console.log('up'); ${STAY}`,
  )
  await until(() => lines.length === 2)
  const report = await stop(child, { ...context, times: { eofMs: 1, termMs: 1 } })
  t.match(report, { how: 'SIGKILL', exit: { exitCode: null, signal: 'SIGKILL' }, survivors: [] })
  t.ok(report.ended.includes(tool.pid))
  t.equal(tree.isAlive(tool), false)
})

t.test('a child that was stopped by SIGSTOP still gets to end by itself', async (t: Test) => {
  const { child, until, lines } = await startScript(t, "console.log('up'); process.stdin.resume()")
  await until(() => lines.length === 1)
  child.signalGroup('SIGSTOP')
  t.match(await stop(child, context), { how: 'end of input', exit: { exitCode: 0 } })
})

t.test('a tool that dropped the markers is ended, because it was seen in time', async (t: Test) => {
  const script = `
    const { spawn } = require('node:child_process')
    const tool = spawn('sleep', ['600'], { detached: true, stdio: 'ignore', env: {} })
    console.log(tool.pid); tool.unref(); process.stdin.resume()`
  const { child, until, lines } = await startScript(t, script)
  await until(() => lines.length === 1)
  const tool = tree.identify(Number(lines[0]))
  const report = await stop(child, context)
  t.same(report.ended, [tool?.pid])
  t.equal(tool && tree.isAlive(tool), false)
})

t.test('what a child leaves behind that ended by itself is swept', async (t: Test) => {
  const { child, tool } = await startWithTool(t, 'process.exit(0)')
  await child.died
  t.same((await sweepLeftovers(child, context)).ended, [tool.pid])
  t.equal(tree.isAlive(tool), false)
  await child.exited
})

t.test('stopping twice, or after the end, does no harm', async (t: Test) => {
  const { child } = await startScript(t, 'process.stdin.resume()')
  const reports = await Promise.all([stop(child, context), stop(child, context)])
  t.same(reports[0], reports[1])
  t.match(await killNow(child, context), { exit: { exitCode: 0 }, ended: [] })
})

t.test(
  'the group of a child that ended before is left alone: its number may be reused',
  async (t: Test) => {
    const signals: string[] = []
    const send = (signal: string): boolean => signals.push(signal) > 0
    const exit = { exitCode: 0, signal: null }
    const gone = {
      pid: process.pid,
      alive: false,
      markers: {},
      died: Promise.resolve(exit),
      closeStdin: () => {},
      signalGroup: () => false,
      signalRemains: send,
    }
    t.match(await stop(gone, context), { exit, ended: [] })
    t.match(await killNow(gone, context), { exit, ended: [] })
    t.same(signals, [])
  },
)
