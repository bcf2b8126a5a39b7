/** The broker on a disk that is read-only, or becomes so while it runs. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const INSIDE = fileURLToPath(new URL('../support/readonly-disk-inside.js', import.meta.url))
/** The loader of the runner would end a broker by the signal of its file limit, which Node.js ignores. */
const WITHOUT_LOADER = ['env', '-u', 'NODE_OPTIONS']
/** Root of a namespace of its own: no rights are needed, and its mounts end with it. */
const NAMESPACE = ['--user', '--map-root-user', '--mount']

/** Why this machine cannot run these tests; undefined when it can. */
function obstacle(): string | undefined {
  const script = 'mount -t tmpfs tmpfs /mnt && mount -o remount,ro /mnt && prlimit --version'
  const { error, status, stderr } = spawnSync('unshare', [...NAMESPACE, 'sh', '-c', script])
  if (error) return `unshare cannot be run: ${error.message}`
  return status === 0 ? undefined : `no mounts in a namespace here: ${String(stderr).trim()}`
}

const reason = obstacle()
if (reason === undefined) {
  const args = [...NAMESPACE, ...WITHOUT_LOADER, process.execPath, INSIDE]
  await t.spawn('unshare', args, {}, 'a disk that takes no writes')
} else {
  t.test('a disk that takes no writes', { skip: reason }, () => undefined)
}
