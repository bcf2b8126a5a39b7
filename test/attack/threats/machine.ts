/** Threats by size and slowness, to files, and those that have their tests elsewhere. */
import { type Threat, WHO } from './threat.ts'

const floods = 'attack/floods'
const files = 'attack/files'

export const MACHINE: readonly Threat[] = [
  {
    id: 'huge-frame',
    who: WHO.observer,
    what: 'announces a frame of gigabytes',
    how: '`maxMessageSize` at every endpoint',
    file: floods,
    test: 'a frame above the limit ends its own connection, before it has come',
    without: [
      {
        file: 'broker/router-socket',
        find: 'maxMessageSize: MAX_FRAME_BYTES',
        replace: 'maxMessageSize: -1',
      },
    ],
  },
  {
    id: 'rubbish',
    who: WHO.observer,
    what: 'sends bundles that are too deep, too many, or made up, again and again',
    how: 'each costs its sender a strike; 16 cost the connection',
    file: floods,
    test: 'what is too deep, too many or made up costs its sender an error, and repeated the connection',
    without: [
      {
        file: 'protocol/link/broker-link',
        find: 'if (this.#strikes < this.#options.limits.maxStrikes)',
        replace: 'if (true)',
      },
    ],
  },
  {
    id: 'deep-body',
    who: WHO.operator,
    what: 'sends a body that nests a hundredfold',
    how: 'bodies are scanned before they are decoded',
    file: floods,
    test: 'a body that is too deep is refused, and its neighbours are not',
    without: [
      { file: 'protocol/codec', find: 'if (problem !== undefined)', replace: 'if (false)' },
      { file: 'protocol/json', find: 'MAX_JSON_DEPTH = 24', replace: 'MAX_JSON_DEPTH = 1000' },
    ],
  },
  {
    id: 'proof-flood',
    who: WHO.observer,
    what: 'makes the broker check one proof after the other, each a key exchange',
    how: 'a failed proof is a strike, and so many greetings a second are heard',
    file: floods,
    test: 'proof after proof does not go on for ever',
    without: [
      {
        file: 'protocol/link/broker-link',
        find: "this.#strike('', verdict)",
        replace: "this.#complain('', verdict)",
      },
      {
        file: 'protocol/link/broker-link',
        find: 'const retryAfterMs = rate.take(this.#now)',
        replace: 'const retryAfterMs = 0',
      },
    ],
  },
  {
    id: 'feigned-end',
    who: WHO.observer,
    what: 'sends an empty message, as libzmq tells of the end of a connection, to be rid of its strikes',
    how: 'whoever is heard after its end is not heard, and its key is kept out for a while',
    file: floods,
    test: 'an empty message, which looks like the end of a connection, wipes nothing off',
    without: [
      {
        file: 'broker/broker',
        find: 'this.#network?.hasFeignedEnd(connection)',
        replace: 'false',
      },
    ],
  },
  {
    id: 'slow-handshake',
    who: WHO.network,
    what: 'stops in the middle of a greeting or a CURVE handshake',
    how: '`handshakeInterval`: libzmq hangs up after 3 s',
    file: floods,
    test: 'who stops in the middle of a handshake is hung up on',
    without: [
      {
        file: 'broker/router-socket',
        find: 'handshakeInterval: HANDSHAKE_MS[side]',
        replace: 'handshakeInterval: 0',
      },
    ],
  },
  {
    id: 'open-key-file',
    who: WHO.user,
    what: 'has read, or changed, the key file of the broker or of a peer',
    how: 'a key file with rights for others is not used',
    file: files,
    test: 'a key that others may read, or change, is not used',
    without: [
      { file: 'protocol/process/key-file', find: '(mode & 0o077) !== 0', replace: 'false' },
    ],
  },
  {
    id: 'key-in-errors',
    who: WHO.user,
    what: 'reads the log, or the terminal, after a key file was damaged',
    how: 'what is wrong with a key file is told without any of its text',
    file: files,
    test: 'what is wrong with a key file is told without the key',
    without: [
      {
        file: 'protocol/process/key-file',
        find: "throw bad(path, 'is no key file: it is no JSON')",
        replace: 'throw bad(path, text)',
      },
    ],
  },
  {
    id: 'torn-key-file',
    who: WHO.disk,
    what: 'is cut off while a key file is written',
    how: 'written beside, synced, and renamed',
    file: files,
    test: 'a key file is whole at any time',
    without: [],
  },
  {
    id: 'damaged-principal',
    who: WHO.disk,
    what: 'damages the record of a principal whose keys were revoked',
    how: 'its keys are unknown, and its name is given to nobody',
    file: files,
    test: 'a key whose record is damaged is not believed, and its name is not given away',
    without: [
      { file: 'broker/core/principals', find: 'this.#damaged.has(principal)', replace: 'false' },
    ],
  },
  {
    id: 'audit-change',
    who: WHO.disk,
    what: 'changes a record of the audit log',
    how: 'each record holds the hash of the one before (`docs/audit.md`)',
    file: 'unit/audit-chain',
    test: 'any change of any field is found, at its record or at the next one',
    without: [],
  },
  {
    id: 'audit-rewrite',
    who: WHO.disk,
    what: 'writes the whole audit log anew',
    how: 'a head that was kept elsewhere (`docs/audit.md`)',
    file: 'integration/audit',
    test: 'a chain that was written anew is found by a head that was kept elsewhere',
    without: [],
  },
  {
    id: 'secrets-in-logs',
    who: WHO.user,
    what: 'reads logs, errors and lists for keys, tokens, prompts and environments',
    how: 'redaction, and a run that greps for planted secrets',
    file: 'integration/secrets',
    test: 'no secret of a whole run is written anywhere but where it belongs',
    without: [],
  },
  {
    id: 'host-commands',
    who: WHO.operator,
    what: 'asks a host for a program, a directory or a variable that it does not allow',
    how: 'hosts decide by their own settings',
    file: 'integration/host-trust',
    test: 'what is not allowed is refused by the host itself, and nothing was started',
    without: [],
  },
  {
    id: 'hostile-host',
    who: WHO.host,
    what: 'sends whatever it likes about the sessions of others',
    how: 'leases, and the principal of a host id',
    file: 'unit/broker-hostile-host',
    test: 'whatever a host sends, the sessions of others stay as they are and unheard',
    without: [],
  },
]
