/** Threats by other users of the machine, and by many at once; their tests stand beside what they test. */
import { type Threat, WHO } from './threat.ts'

const place = 'unit/private-place'
const connections = 'unit/broker-connections'
const door = 'unit/network-door-parts'

export const PLACES: readonly Threat[] = [
  {
    id: 'linked-directory',
    who: WHO.user,
    what: 'puts a link in the place of the directory of the sockets',
    how: 'a link is refused',
    file: place,
    test: 'a symbolic link, or a file, in place of the directory is refused',
    without: [
      {
        file: 'protocol/process/private-place',
        find: 'if (facts.isSymbolicLink())',
        replace: 'if (false)',
      },
    ],
  },
  {
    id: 'foreign-directory',
    who: WHO.user,
    what: 'makes the directory of the sockets, or of the journal, first',
    how: 'places of another user are refused',
    file: place,
    test: 'what belongs to another user is refused, and root is nobody else',
    without: [
      {
        file: 'protocol/process/private-place',
        find: 'user === undefined || uid === user || uid === ROOT',
        replace: 'true',
      },
    ],
  },
  {
    id: 'open-directory',
    who: WHO.user,
    what: 'enters the directory of the sockets',
    how: 'it has mode 0700, or is refused',
    file: place,
    test: 'an endpoint in an open directory that is not ours is refused',
    without: [
      {
        file: 'protocol/process/private-place',
        find: '(mode & OTHERS) === 0',
        replace: 'true',
      },
    ],
  },
  {
    id: 'foreign-socket',
    who: WHO.user,
    what: 'listens where the broker should, to hear prompts and give orders',
    how: 'peers ask whose the socket is, at each WELCOME',
    file: place,
    test: 'a client does not believe a socket of another user, unless it is told to',
    without: [
      {
        file: 'protocol/process/private-place',
        find: 'user === undefined || uid === user || uid === ROOT',
        replace: 'true',
      },
    ],
  },
  {
    id: 'live-socket',
    who: WHO.user,
    what: 'starts a second broker, which would take the live socket over without a word',
    how: 'an owner file with pid and start time beside each socket',
    file: 'unit/broker-process',
    test: 'an endpoint in use is named as the endpoint that it is',
    without: [{ file: 'broker/ownership', find: 'if (held.has(path))', replace: 'if (false)' }],
  },
  {
    id: 'full-network',
    who: WHO.operator,
    what: 'opens connections until there is no room',
    how: 'the network has a table of its own, and a principal a share of it',
    file: connections,
    test: 'a full network keeps no user of this machine out',
    without: [
      {
        file: 'broker/connections',
        find: 'const side = this.#options.sideOf(id)',
        replace: "const side = 'network'",
      },
    ],
  },
  {
    id: 'unfinished-handshakes',
    who: WHO.operator,
    what: 'opens connections and never says who it is',
    how: 'of too many the first one goes',
    file: connections,
    test: 'of too many that do not shake hands the one that came first goes',
    without: [
      {
        file: 'broker/connections',
        find: 'this.#greeting[side].size >= maxGreeting',
        replace: 'false',
      },
    ],
  },
  {
    id: 'reconnects',
    who: WHO.operator,
    what: 'connects again and again',
    how: 'a key may connect so often',
    file: door,
    test: 'a key that connects too often has to wait, others do not',
    without: [
      {
        file: 'broker/access/connect-rates',
        find: 'return rate.take(now) === 0',
        replace: 'return true',
      },
    ],
  },
  {
    id: 'open-files',
    who: WHO.network,
    what: 'opens so many connections that no file can be opened',
    how: 'the door is shut before that',
    file: door,
    test: 'open files and memory outside of JavaScript end all connections for a while',
    without: [
      {
        file: 'broker/access/door-guard',
        find: 'openFiles > maxOpenFiles',
        replace: 'false',
      },
    ],
  },
  {
    id: 'no-file-left',
    who: WHO.network,
    what: 'opens the last file there is, before the door is shut',
    how: 'the sockets for later wait until those of before have closed theirs',
    file: 'unit/rebind',
    test: 'a socket for which there is no file yet is tried again',
    without: [{ file: 'broker/curve', find: "'EADDRINUSE', 'EMFILE'", replace: "'EADDRINUSE'" }],
  },
  {
    id: 'native-memory',
    who: WHO.operator,
    what: 'fills the memory of libzmq: messages without an end, subscriptions',
    how: 'the door is left when that memory grows',
    file: door,
    test: 'open files and memory outside of JavaScript end all connections for a while',
    without: [
      {
        file: 'broker/access/door-guard',
        find: 'nativeBytes - this.#base > maxNativeBytes',
        replace: 'false',
      },
    ],
  },
]
