/** 1 to 200 readers of one session, and one reader on each of up to 500 sessions, each with a connection of its own. */
import { figure } from '../report/numbers.ts'
import { atEach, type Growth } from './growth.ts'
import { gapsText, WATCHED_PANELS, watched } from './watched.ts'

const ONE_SESSION_PER_SECOND = 50
const EACH_PER_SECOND = 10

export const READERS: Growth = {
  name: 'growth-readers',
  title: 'Readers of one session',
  x: 'readers',
  about: `One session writes ${ONE_SESSION_PER_SECOND} chunks of 120 B a second, and each reader is a client with a connection of its own; four processes hold all of them.`,
  points: [1, 5, 20, 50, 100, 200],
  quickPoints: [1, 10, 60],
  panels: WATCHED_PANELS,
  run: (climb) =>
    atEach(climb, (bench, copies) =>
      watched(bench, {
        ...{ sessions: 1, perSecond: ONE_SESSION_PER_SECOND },
        ...{ copies, connections: 'one each' },
      }),
    ),
  text: (trends) => [
    `A chunk is journalled, put into a bundle and sent once, whoever reads; ZeroMQ gives it to the pipe of each subscriber, and its own threads write it to each connection. What the broker uses of a core ${trends.words('cpu', '%')}, with ${figure(trends.last * ONE_SESSION_PER_SECOND)} chunks a second read at last.`,
    `From due to read the p50 ${trends.words('p50', 'ms')}, and the p99 ${trends.words('p99', 'ms')}: readers are woken one after the other, on the same cores.`,
    `The delay of the loop of the broker ${trends.words('lag', 'ms')} (p99): beside the streams there is a heartbeat and a report of its position from each reader, each second.`,
    gapsText(trends),
  ],
}

export const READERS_EACH: Growth = {
  name: 'growth-readers-each',
  title: 'One reader on each session',
  x: 'sessions, and readers',
  about: `Each session writes ${EACH_PER_SECOND} chunks of 120 B a second, and has a reader that is a client with a connection of its own; four processes hold all of them.`,
  points: [1, 10, 50, 100, 250, 500],
  quickPoints: [1, 20, 150],
  panels: WATCHED_PANELS,
  run: (climb) =>
    atEach(climb, (bench, sessions) => {
      const perSecond = sessions * EACH_PER_SECOND
      return watched(bench, { sessions, perSecond, copies: 1, connections: 'one each' })
    }),
  text: (trends) => [
    `Here the chunks grow with the readers, up to ${figure(trends.last * EACH_PER_SECOND)} a second. Those of several sessions share a commit, but each goes to another subscriber, in a message of its own. What the broker uses of a core ${trends.words('cpu', '%')}.`,
    `From due to read the p50 ${trends.words('p50', 'ms')}, and the p99 ${trends.words('p99', 'ms')}; the delay of the loop of the broker ${trends.words('lag', 'ms')} (p99).`,
    gapsText(trends),
  ],
}
