/** The limits that are counted when they are reached, by the names of `agentmq_limits_reached_total`. */
export const LIMITS = {
  calls_rate: 'a principal called more often than it may',
  writes_rate: 'a principal made more calls that change something than it may',
  calls_time: 'a principal used more of the time of the broker than it may',
  calls_in_flight: 'a connection or a principal had too much under way',
  abuse: 'a connection was cut off because its principal went on and on in spite of that',
  tickets: 'a connection or a principal held too many tickets',
  credit: 'a host sent chunks beyond its credit',
  share: 'a principal had taken its share of sessions, tasks, state or workflows',
  connections: 'there was no room for another connection',
  principal_connections: 'a principal had too many connections',
  principal_outbox: 'too much waited to be sent to one principal',
  handshakes: 'a connection had to go before it had shaken hands, because many others came',
  handshake_time: 'a connection did not shake hands in time',
  greetings: 'a connection sent HELLO or PROOF too often',
  strikes: 'a connection was cut off for malformed frames',
  key_connects: 'a key connected too often',
  pending_keys: 'a key that knocked had to make room for others',
  open_files: 'the door for other machines was shut, because too many files were open',
  native_memory: 'all connections of other machines ended, because of the memory that they took',
  subscriptions: 'all connections of other machines ended, because of their subscriptions',
  frames: 'all connections of other machines ended, because one sent messages of very many frames',
} as const

export type LimitName = keyof typeof LIMITS

export const LIMIT_NAMES = Object.keys(LIMITS) as LimitName[]
