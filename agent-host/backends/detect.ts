/** Looks for a CLI by asking for its version. */
import type { Detection, Probe } from './backend.ts'

export async function detectByVersion(command: string, probe: Probe): Promise<Detection> {
  const found = await probe(command, ['--version'])
  if ('missing' in found) return { available: false, reason: found.missing }
  const version = /\d+\.\d+\.\d+\S*/.exec(found.stdout)?.[0]
  if (found.exitCode !== 0 || version === undefined) {
    return { available: false, reason: `${command} --version ended with ${found.exitCode}` }
  }
  return { available: true, version, command }
}
