/** Options of libzmq that zeromq.js 6.8 can set and does not name: drafts, and those for manual subscriptions (zmq.h). */

interface OptionSetters {
  setInt32Option(option: number, value: number): void
  setUint32Option(option: number, value: number): void
  setStringOption(option: number, value: string): void
}

/** `socket`: one of zeromq.js. Setters throw EINVAL for an option that this libzmq does not have. */
export function unnamedOptions(socket: object): OptionSetters {
  return socket as OptionSetters
}
