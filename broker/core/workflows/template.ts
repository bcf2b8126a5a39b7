/**
 * Prompt templates: `{{steps.ID.output}}` and `{{inputs.NAME}}` are replaced, `\{{` is a plain `{{`, and
 * anything else in double braces is a mistake.
 */

export type Piece =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'step'; readonly id: string }
  | { readonly kind: 'input'; readonly name: string }

export type Parsed =
  | { readonly ok: true; readonly pieces: readonly Piece[] }
  | { readonly ok: false; readonly reason: string }

/** An escaped opening, or an opening with all up to the next end. */
const MARK = /\\\{\{|\{\{([^{}]*)\}\}|\{\{/g
const STEP = /^steps\.([A-Za-z][A-Za-z0-9_-]*)\.output$/
const INPUT = /^inputs\.([A-Za-z][A-Za-z0-9_-]*)$/

const USAGE = 'known are {{steps.ID.output}} and {{inputs.NAME}}; \\{{ is a plain {{'

export function parseTemplate(template: string): Parsed {
  const pieces: Piece[] = []
  let end = 0
  for (const mark of template.matchAll(MARK)) {
    addText(pieces, template.slice(end, mark.index))
    end = mark.index + mark[0].length
    if (mark[0].startsWith('\\')) {
      addText(pieces, '{{')
      continue
    }
    const piece = reference(mark[1]?.trim())
    if (!piece)
      return { ok: false, reason: `${excerpt(template, mark.index)} is unknown; ${USAGE}` }
    pieces.push(piece)
  }
  addText(pieces, template.slice(end))
  return { ok: true, pieces }
}

function reference(inside: string | undefined): Piece | undefined {
  const id = STEP.exec(inside ?? '')?.[1]
  if (id !== undefined) return { kind: 'step', id }
  const name = INPUT.exec(inside ?? '')?.[1]
  return name === undefined ? undefined : { kind: 'input', name }
}

/** Neighbouring texts become one piece. */
function addText(pieces: Piece[], text: string): void {
  if (text === '') return
  const last = pieces.at(-1)
  if (last?.kind === 'text') pieces[pieces.length - 1] = { kind: 'text', text: last.text + text }
  else pieces.push({ kind: 'text', text })
}

function excerpt(template: string, at: number): string {
  const end = template.indexOf('}}', at)
  return template.slice(at, Math.min(end < 0 ? at + 40 : end + 2, at + 40))
}

export interface Values {
  readonly output: (step: string) => string
  readonly input: (name: string) => string
}

/** Undefined when it would be longer than `maxLength` characters. */
export function render(
  pieces: readonly Piece[],
  { output, input }: Values,
  maxLength: number,
): string | undefined {
  const parts: string[] = []
  let length = 0
  for (const piece of pieces) {
    const part = rendered(piece, { output, input })
    length += part.length
    if (length > maxLength) return undefined
    parts.push(part)
  }
  return parts.join('')
}

function rendered(piece: Piece, { output, input }: Values): string {
  switch (piece.kind) {
    case 'text':
      return piece.text
    case 'step':
      return output(piece.id)
    case 'input':
      return input(piece.name)
  }
}
