/** Settings of the door that publishes chats to ZeroMQ SUB sockets. */
import { expose, host, isOn, limit, port } from '../setting-fields.ts'

export const pubSettings = {
  pub: isOn('chat streams on ZeroMQ PUB'),
  pub_host: host('PUB'),
  pub_port: port('PUB', 19_480),
  expose_pub: expose('PUB'),
  chat_hold_ms: limit(
    'How long the first chunks of a chat wait for a subscriber of its own when only others listen, ms',
    2000,
    0,
  ),
  pub_chats: limit('Most chats that are published at once; further ones wait', 1000),
}
