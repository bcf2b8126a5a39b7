/** Events as the old event clients know them. */

interface Common {
  readonly id: string
  /** RFC 3339 with `Z`. */
  readonly timestamp: string
  readonly event_type: string
  readonly data: unknown
}

export type DescartesEvent =
  | { readonly type: 'AgentEvent'; readonly data: Common & { readonly agent_id: string } }
  | {
      readonly type: 'TaskEvent'
      readonly data: Common & { readonly task_id: string; readonly agent_id: string | null }
    }
  | {
      readonly type: 'WorkflowEvent'
      readonly data: Common & { readonly workflow_id: string; readonly execution_id: string }
    }
  | { readonly type: 'SystemEvent'; readonly data: Common }
  | {
      readonly type: 'StateEvent'
      readonly data: Common & { readonly agent_id: string | null; readonly key: string }
    }

export const EVENT_CATEGORIES = ['agent', 'task', 'workflow', 'system', 'state'] as const
export type EventCategory = (typeof EVENT_CATEGORIES)[number]

/** What a client wants; an empty list restricts nothing. */
export interface EventFilter {
  readonly agent_ids: readonly string[]
  readonly task_ids: readonly string[]
  readonly workflow_ids: readonly string[]
  readonly event_categories: readonly EventCategory[]
}

/** The category decides, and the list of ids of that category alone. */
export function matchesFilter(filter: EventFilter | null, event: DescartesEvent): boolean {
  if (filter === null) return true
  const passes = (list: readonly string[], one: string) => list.length === 0 || list.includes(one)
  const isCategory = (category: EventCategory) => passes(filter.event_categories, category)
  switch (event.type) {
    case 'AgentEvent':
      return isCategory('agent') && passes(filter.agent_ids, event.data.agent_id)
    case 'TaskEvent':
      return isCategory('task') && passes(filter.task_ids, event.data.task_id)
    case 'WorkflowEvent':
      return isCategory('workflow') && passes(filter.workflow_ids, event.data.workflow_id)
    case 'SystemEvent':
      return isCategory('system')
    case 'StateEvent':
      return isCategory('state')
  }
}
