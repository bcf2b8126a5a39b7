/** Fields that the settings of several doors are made of. */
import { Type } from '../../protocol/typebox.ts'

export const isOn = (door: string) =>
  Type.Boolean({ default: true, description: `Whether there is the door ${door}` })

export const host = (door: string) =>
  Type.String({
    minLength: 1,
    maxLength: 255,
    default: '127.0.0.1',
    description: `Address that ${door} listens on`,
  })

export const port = (door: string, fallback: number) =>
  Type.Integer({
    minimum: 0,
    maximum: 65_535,
    default: fallback,
    description: `Port of ${door}; 0: any`,
  })

/** `example`: who wants it. */
export const aliasPort = (door: string, example: string) =>
  Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: 65_535,
      description: `A second port for ${door}, such as ${example}`,
    }),
  )

export const expose = (door: string) =>
  Type.Boolean({
    default: false,
    description: `Let ${door} listen on other than loopback although it asks nobody who they are`,
  })

/** `what` with its unit, and what happens beyond it. */
export const limit = (what: string, fallback: number, minimum = 1) =>
  Type.Integer({ minimum, default: fallback, description: what })

export const path = (description: string) =>
  Type.String({ minLength: 1, maxLength: 4096, description })
