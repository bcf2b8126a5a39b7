/** Times as the old clients read them. */

/** RFC 3339 with `Z`. */
export function rfc3339(ms: number): string {
  return new Date(ms).toISOString()
}

/** RFC 3339 with `+00:00`. */
export function rfc3339Offset(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '+00:00')
}

export function unixSeconds(ms: number): number {
  return Math.floor(ms / 1000)
}
