/** Settings of the door on Unix sockets. */
import { Type } from '../../../protocol/typebox.ts'
import { isOn, limit, path } from '../setting-fields.ts'

export const unixSettings = {
  unix: isOn('JSON-RPC on a Unix socket'),
  unix_path: Type.Optional(
    path(
      'Its path, made with mode 0600; default: .descartes/run/daemon.sock in the home directory',
    ),
  ),
  unix_alias_path: Type.Optional(
    path('A second path, such as /tmp/descartes-rpc.sock for clients of the old library'),
  ),
  unix_line_bytes: limit('Longest request line; a longer one is refused', 10_485_760),
  unix_idle_ms: limit(
    'Time for the whole request line to arrive, ms; then the connection is closed',
    30_000,
  ),
  unix_held_bytes: limit(
    'Bytes of long lines and replies that wait for slow clients; beyond it the slowest is cut off',
    134_217_728,
  ),
  unix_connections: limit('Most connections; further ones are closed', 256),
}
