/**
 * The whole broker in memory: requests of every method, messages of every kind, answers and chunks of a
 * host that lies, a disk that is full at times. Steps are made in core-steps.ts, and played to core-scene.ts.
 */
import type { Random } from '../random.ts'
import { Shapes } from '../shapes.ts'
import type { Target } from '../target.ts'
import { Scene } from './core-scene.ts'
import { makeStep } from './core-steps.ts'

/** Cases between two looks at whether others are still served. */
const LOOK_EVERY = 8

/** Ends a case within a case. */
const END = Buffer.alloc(0)

/** Pieces: steps; an empty one is where others look whether they are served. */
export function coreTarget(seed: number, makeScene: () => Scene = () => new Scene()): Target {
  const shapes = new Shapes(seed)
  const { names } = makeScene()
  const steps = (random: Random) =>
    Array.from({ length: 1 + random.size(6) }, () => makeStep(shapes, names, random))
  return {
    name: 'core',
    about: 'a broker in memory: nothing throws, each request has one end, others are served',
    lifetime: 200,
    generate: steps,
    join: (cases) => cases.flatMap((pieces) => [...pieces, END]),
    open: () => {
      const scene = makeScene()
      let cases = 0
      const endCase = (): void => {
        cases += 1
        scene.check()
        if (cases % LOOK_EVERY === 0) scene.checkOthers()
      }
      return {
        run: (pieces) => {
          for (const piece of pieces) {
            if (piece.length === 0) endCase()
            else scene.step(piece)
          }
          endCase()
        },
        end: () => scene.end(),
      }
    },
  }
}
