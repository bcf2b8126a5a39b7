/** One task for people. */
import type { TaskInfo } from '../../../protocol/methods/task.ts'
import { safeLine, safeText } from './safe-text.ts'

export function taskLines(info: TaskInfo): string[] {
  const { task, title, description, metadata, created_at, updated_at, ...rest } = info
  const facts = {
    task,
    title: safeLine(title),
    status: rest.status,
    'assigned to': safeLine(rest.assigned_to) || '-',
    priority: rest.priority,
    version: rest.version,
    created: `${new Date(created_at).toISOString()} by ${safeLine(rest.owner)}`,
    changed: new Date(updated_at).toISOString(),
    ...(Object.keys(metadata).length > 0 && { metadata: safeLine(JSON.stringify(metadata)) }),
  }
  const width = Math.max(...Object.keys(facts).map((name) => name.length))
  const lines = Object.entries(facts).map(([name, value]) => `${name.padEnd(width)}  ${value}`)
  return description === '' ? lines : [...lines, '', safeText(description)]
}
