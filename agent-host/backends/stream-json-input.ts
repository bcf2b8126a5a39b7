/** The lines that Claude Code reads on stdin with `--input-format stream-json` (seen with 2.1.330). */

/** What may be answered when the CLI asks whether a tool may run. */
export type PermissionAnswer =
  | {
      readonly behavior: 'allow'
      readonly updatedInput: unknown
      readonly updatedPermissions?: readonly object[]
    }
  | { readonly behavior: 'deny'; readonly message: string; readonly interrupt?: true }

export function promptLine(text: string): string {
  const message = { role: 'user', content: [{ type: 'text', text }] }
  return JSON.stringify({ type: 'user', message, parent_tool_use_id: null, session_id: '' })
}

/** The system prompt comes this way, because every user of the machine can read a command line. */
export function initializeLine(requestId: string, systemPrompt: string | undefined): string {
  return controlLine(requestId, {
    subtype: 'initialize',
    hooks: null,
    ...(systemPrompt !== undefined && { appendSystemPrompt: systemPrompt }),
  })
}

export function interruptLine(requestId: string): string {
  return controlLine(requestId, { subtype: 'interrupt' })
}

export function setModeLine(requestId: string, mode: string): string {
  return controlLine(requestId, { subtype: 'set_permission_mode', mode })
}

export function permissionLine(requestId: string, answer: PermissionAnswer): string {
  return responseLine({ subtype: 'success', request_id: requestId, response: answer })
}

/** For a request of the CLI that is not understood here: without an answer it would wait for ever. */
export function refusalLine(requestId: string, subtype: string): string {
  const error = `unsupported control request: ${subtype}`
  return responseLine({ subtype: 'error', request_id: requestId, error })
}

function controlLine(requestId: string, request: object): string {
  return JSON.stringify({ type: 'control_request', request_id: requestId, request })
}

function responseLine(response: object): string {
  return JSON.stringify({ type: 'control_response', response })
}
