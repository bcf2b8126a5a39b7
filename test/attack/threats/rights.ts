/** Threats by peers that are welcome: beyond their rights, and after the end of them. */
import { type Threat, WHO } from './threat.ts'

const rights = 'attack/rights'
const revocation = 'attack/revocation'
const observer = 'attack/observer'

const SCOPES = [
  { file: 'broker/core/rights', find: '!hasScope(identity.roles, scope)', replace: 'false' },
] as const

export const RIGHTS: readonly Threat[] = [
  {
    id: 'observer-changes',
    who: WHO.observer,
    what: 'calls each method that changes something',
    how: 'each method names its scope, each role has scopes',
    file: rights,
    test: 'an observer changes nothing, by any method there is',
    without: SCOPES,
  },
  {
    id: 'beyond-scopes',
    who: WHO.operator,
    what: 'calls each method that is not for its role; the same of observers and hosts',
    how: 'scopes',
    file: rights,
    test: 'each role may do what its scopes say, and nothing else',
    without: SCOPES,
  },
  {
    id: 'fuzz-changes',
    who: WHO.observer,
    what: 'sends thousands of messages, subscriptions and bytes from a seed',
    how: 'all of the above',
    file: observer,
    test: 'an observer who sends anything there is changes nothing',
    without: SCOPES,
  },
  {
    id: 'fuzz-reads',
    who: WHO.observer,
    what: 'with reach `own` does the same to read of the sessions of others',
    how: 'to it they do not exist (`broker/core/visible.ts`)',
    file: observer,
    test: 'an observer with reach own reads nothing of others besides',
    without: [
      { file: 'broker/core/sight', find: 'owner === principal', replace: 'true' },
      {
        file: 'broker/core/rights',
        find: "identity.reach === 'own' && reach !== 'own'",
        replace: 'false',
      },
    ],
  },
  {
    id: 'others-calls',
    who: WHO.operator,
    what: 'cancels, or answers, the calls of others by their ids',
    how: 'ids count within their connection',
    file: rights,
    test: 'nobody cancels or answers what others have asked',
    without: [
      {
        file: 'broker/core/host-calls',
        find: 'if (waiting?.connection !== connection)',
        replace: 'if (!waiting)',
      },
    ],
  },
  {
    id: 'others-key',
    who: WHO.operator,
    what: "uses the idempotency key of another's request, to get its answer",
    how: 'keys belong to a principal',
    file: rights,
    test: 'a key of a request is one of its principal alone',
    without: [
      {
        file: 'broker/core/handlers/request',
        find: 'identity.principal}',
        replace: "'x'}",
      },
    ],
  },
  {
    id: 'acts-for-others',
    who: WHO.operator,
    what: 'acts for a user without being a gateway, or as one for somebody unknown, revoked or local',
    how: 'the role, and a record of the user with roles',
    file: rights,
    test: 'only a gateway acts for others, and for nobody that is not known',
    without: [
      {
        file: 'broker/core/handlers/request',
        find: "!identity.roles.includes('gateway')",
        replace: 'false',
      },
    ],
  },
  {
    id: 'gateway-admin',
    who: WHO.gateway,
    what: 'acts for an admin, to add keys',
    how: 'through a gateway an admin is an operator',
    file: rights,
    test: 'nobody administers through a gateway',
    without: [
      {
        file: 'broker/core/rights',
        find: "const roles = asPerson(user.roles, 'operator')",
        replace: "const roles = asPerson(user.roles, 'admin')",
      },
    ],
  },
  {
    id: 'forged-chunks',
    who: WHO.host,
    what: 'writes chunks of sessions of other hosts, or under an old lease',
    how: 'APPEND needs the lease of that session and its epoch',
    file: rights,
    test: 'a host writes to no session but its own, and not under a lease that is over',
    without: [
      {
        file: 'broker/core/appends',
        find: 'if (record && record.host === host.id)',
        replace: 'if (record)',
      },
    ],
  },
  {
    id: 'host-id',
    who: WHO.host,
    what: 'registers the id of another host, to get its sessions',
    how: 'a host id belongs to the principal that registered it first',
    file: rights,
    test: 'a host takes over no id of another, and reads nothing',
    without: [
      {
        file: 'broker/core/host-owners',
        find: 'owner !== undefined && owner.principal !== principal',
        replace: 'false',
      },
    ],
  },
  {
    id: 'sent-before-revocation',
    who: WHO.revoked,
    what: 'stays connected, and has sent more already',
    how: 'its connections are cut in the turn in which the revocation is on disk',
    file: revocation,
    test: 'a revoked peer is heard no more, whatever it has sent already',
    without: [
      {
        file: 'broker/broker',
        find: 'return this.#connections.cut(isMeant, error, realClock.now())',
        replace: 'return 1',
      },
    ],
  },
  {
    id: 'handshake-over-revocation',
    who: WHO.revoked,
    what: 'was challenged before the revocation and proves after it',
    how: 'a proof is for a key that is active when it comes',
    file: revocation,
    test: 'a handshake that was begun before the revocation is not finished after it',
    without: [
      { file: 'broker/core/principals', find: "this.statusOf(key) !== 'active'", replace: 'false' },
    ],
  },
  {
    id: 'added-again',
    who: WHO.revoked,
    what: 'has itself added again, for the same principal or another one',
    how: 'a revoked key stays revoked; a key has one principal',
    file: revocation,
    test: 'one key of two is revoked alone',
    without: [{ file: 'broker/core/methods/key', find: 'if (known) {', replace: 'if (false) {' }],
  },
  {
    id: 'former-rights',
    who: WHO.operator,
    what: 'goes on with rights that were taken from it',
    how: 'connections shake hands again when rights change',
    file: revocation,
    test: 'who has fewer rights than before has them at once',
    without: [
      {
        file: 'broker/broker',
        find: 'this.#connections.greetAgain(isNamed(principal))',
        replace: '[]',
      },
    ],
  },
  {
    id: 'former-host',
    who: WHO.host,
    what: 'may not be a host any more, and does not shake hands again',
    how: 'what a connection had is void before it has',
    file: revocation,
    test: 'a host that may not be one any more has no sessions, also if it never greets again',
    without: [
      {
        file: 'broker/core/methods/key',
        find: "core.connectionEnded(connection, 'its rights have changed')",
        replace: 'void connection',
      },
      {
        file: 'broker/broker',
        find: "this.#core.connectionEnded(connection, 'it has to shake hands again', 'anew')",
        replace: '',
      },
    ],
  },
  {
    id: 'hidden-host',
    who: WHO.host,
    what: 'begins a handshake that it never ends, and is revoked meanwhile',
    how: 'what a connection had is void when it greets again',
    file: revocation,
    test: 'a host that hides in a handshake does not outlive its key',
    without: [
      {
        file: 'broker/broker',
        find: "this.#core.connectionEnded(connection, 'it has to shake hands again', 'anew')",
        replace: '',
      },
    ],
  },
]
