/** Settings of the HTTP door. */

import { secret } from '../../../protocol/secret-settings.ts'
import { Type } from '../../../protocol/typebox.ts'
import { aliasPort, expose, host, isOn, limit, port } from '../setting-fields.ts'

export const httpSettings = {
  http: isOn('HTTP JSON-RPC'),
  http_host: host('HTTP'),
  http_port: port('HTTP', 19_280),
  http_required: Type.Boolean({
    default: true,
    description: 'End with exit code 5 when HTTP cannot be opened; else the other doors go on',
  }),
  http_alias_port: aliasPort('HTTP', '8080 for clients of the old library'),
  expose_http: expose('HTTP'),
  enable_auth: Type.Boolean({ default: false, description: 'Ask HTTP callers who they are' }),
  jwt_secret: Type.Optional(
    Type.String({
      ...secret,
      minLength: 1,
      maxLength: 4096,
      description:
        'Secret of HS256 tokens; better not as a flag, which every user of the machine can read',
    }),
  ),
  api_key: Type.Optional(
    Type.String({
      ...secret,
      minLength: 1,
      maxLength: 4096,
      description: 'A key that opens HTTP as well; better not as a flag, likewise',
    }),
  ),
  act_for_users: Type.Boolean({
    default: false,
    description:
      'Act for the user that `sub` of a token names, with the rights of that principal; the API key, and doors that ask for nothing, act as the shim',
  }),
  strict: Type.Boolean({
    default: false,
    description:
      'JSON-RPC 2.0 to the letter on HTTP and the Unix socket, not only for callers with `?strict=1`',
  }),
  http_body_bytes: limit('Largest body; a larger one is 413', 10_485_760),
  http_header_bytes: limit('Largest header of a request; a larger one is 431', 16_384, 1024),
  http_header_ms: limit('Time for the headers of a request, ms; then 408', 10_000),
  http_request_ms: limit('Time for a whole request to arrive, ms; then 408', 30_000),
  http_idle_ms: limit('How long a connection without a request is kept, ms', 60_000),
  http_stall_ms: limit('A connection on which nothing moves for this long is closed, ms', 120_000),
  http_drain_ms: limit('How long requests under way may take once the shim ends, ms', 5000, 0),
  http_connections: limit('Most connections; further ones are closed', 1000),
  http_in_flight: limit('Most requests under way; further ones are 503', 1000),
  http_held_bytes: limit(
    'Bytes of large bodies and replies that wait for slow clients; beyond it the slowest is cut off',
    268_435_456,
  ),
  batch_size: limit('Most requests in a batch; a larger one is refused as a whole', 1000),
}
