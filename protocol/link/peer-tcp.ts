/**
 * How soon TCP tells a peer that the machine of the broker is gone, or the way there: after about 9 s, whether
 * something waits to be acknowledged or not. Peers have no heartbeats of ZMTP (docs/decisions/0023); these are done by
 * the kernel, for connections that have ended too.
 */
export const PEER_TCP = {
  tcpKeepalive: 1,
  tcpKeepaliveIdle: 3, // s
  tcpKeepaliveInterval: 2, // s
  tcpKeepaliveCount: 3,
  tcpMaxRetransmitTimeout: 9000, // ms
} as const
