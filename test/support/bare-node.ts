/**
 * How tests start Node.js. tap puts a loader into every child, which makes each start a second longer and all
 * that the child does slower; `env` takes it out again. Asked for coverage of children, it stays.
 */
const isCovering = process.env['AGENTMQ_TEST_COVERAGE'] === '1'

/** A command and its first arguments; what is to be run follows. */
export const WITHOUT_LOADER: readonly [string, ...string[]] = isCovering
  ? ['/usr/bin/env']
  : ['/usr/bin/env', '-u', 'NODE_OPTIONS']

/** The same; the arguments of Node.js follow. */
export const BARE_NODE: readonly [string, ...string[]] = [...WITHOUT_LOADER, process.execPath]
