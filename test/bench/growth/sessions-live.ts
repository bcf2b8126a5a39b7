/** 10 to 500 sessions that all write. */
import { figure } from '../report/numbers.ts'
import { atEach, type Growth } from './growth.ts'
import { gapsText, WATCHED_PANELS, watched } from './watched.ts'

const CHUNKS_A_SECOND = 30

export const SESSIONS_LIVE: Growth = {
  name: 'growth-sessions-live',
  title: 'Sessions that write',
  x: 'sessions',
  about: `Each session writes ${CHUNKS_A_SECOND} chunks of 120 B a second, at random times, and has one reader; four clients share the reading. The chunks come from a host without children, as in \`fan-out\`.`,
  points: [10, 30, 100, 250, 500],
  quickPoints: [10, 60, 300],
  panels: WATCHED_PANELS,
  run: (climb) =>
    atEach(climb, (bench, sessions) => {
      const perSecond = sessions * CHUNKS_A_SECOND
      return watched(bench, { sessions, perSecond, copies: 1, connections: 'shared' })
    }),
  text: (trends) => {
    const microseconds = (x: number) =>
      figure((trends.value('cpu', x) * 10_000) / (x * CHUNKS_A_SECOND))
    return [
      `A chunk costs the broker ${microseconds(trends.first)} µs of CPU with ${figure(trends.first)} sessions and ${microseconds(trends.last)} µs with ${figure(trends.last)}: what comes while a commit is under way shares the next one, its fsync, and the bundles that it comes and goes in.`,
      `There are ${figure(trends.last / trends.first)} times as many chunks at last as at first, and what the broker uses of a core ${trends.words('cpu', '%')}. Host and readers use the rest of the machine.`,
      `From due to read the p50 ${trends.words('p50', 'ms')}, and the p99 ${trends.words('p99', 'ms')}; a chunk waits for the commit before its own, and everybody for a core.`,
      `The delay of the loop of the broker ${trends.words('lag', 'ms')} (p99).`,
      gapsText(trends),
    ]
  },
}
