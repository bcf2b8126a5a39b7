/** Settings of the WebSocket door. */
import { aliasPort, expose, host, isOn, limit, port } from '../setting-fields.ts'

export const eventsSettings = {
  ws: isOn('events on WebSocket'),
  ws_host: host('WebSocket'),
  ws_port: port('WebSocket', 19_380),
  ws_alias_port: aliasPort('WebSocket', '8081, which old descriptions name'),
  expose_ws: expose('WebSocket'),
  ws_connections: limit('Most event clients; further ones are refused', 1000),
}
