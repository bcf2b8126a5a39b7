/** What the CPU profiles in a directory say, for a terminal. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { busiest, busySeconds, type CpuProfile } from '../figures/profile.ts'

/** Functions shown of each process. */
const MOST = 15

export function profilesText(directory: string): string {
  return readdirSync(directory)
    .filter((file) => file.endsWith('.cpuprofile'))
    .map((file) => profileText(file, join(directory, file)))
    .join('\n\n')
}

function profileText(name: string, path: string): string {
  const profile = JSON.parse(readFileSync(path, 'utf8')) as CpuProfile
  const shares = busiest(profile, MOST).map(
    ({ where, share }) => `  ${(share * 100).toFixed(1).padStart(5)} %  ${where}`,
  )
  return [`${name}: ${busySeconds(profile).toFixed(1)} s busy`, ...shares].join('\n')
}
