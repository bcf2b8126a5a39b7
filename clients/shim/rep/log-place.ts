/** What stream_logs answers. */
import type { Json } from './wire-types.ts'

export interface LogPlace {
  where(agent: string): Json
}

/** No log is published. */
export const NO_LOGS: LogPlace = {
  where: (agent) => ({
    pub_endpoint: null,
    topic: agent,
    enabled: false,
    instructions:
      'Logs are not published here; read them with query_output or output_query_request',
  }),
}
