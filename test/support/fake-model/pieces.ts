/** Words arrive in small pieces as from a model; a very long text in few, or it would take minutes. */
export function pieces(text: string): readonly string[] {
  const size = text.length > 2000 ? 4000 : 8
  return text.match(new RegExp(`[^]{1,${size}}`, 'g')) ?? []
}
