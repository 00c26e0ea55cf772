const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })
// biome-ignore lint/suspicious/noControlCharactersInRegex: plain ASCII needs no segmenter, but CR LF is one grapheme
const SIMPLE = /^[\x00-\x0c\x0e-\x7f]*$/

// Unicode's own limit for a run of marks (UAX #15, D4). Sorting a longer one takes time in the square of its length.
const MARKS = /\p{M}{31}/u

/** True for text whose normal form can be had in time in proportion to its length. */
export function isNormalizable(text: string): boolean {
  return text.isWellFormed() && !MARKS.test(text)
}

/**
 * A password as it is hashed: NFC, and no other change. Null for text that is no password: a NUL, which would let
 * `p` and `p` + NUL share a hash, half of a surrogate pair, which has no UTF-8, or a run of marks no script has.
 */
export function normalizePassword(text: string): string | null {
  return text.includes('\0') || !isNormalizable(text) ? null : text.normalize('NFC')
}

/** Length in graphemes, what a person would count; counting stops after `limit`. */
export function graphemes(text: string, limit: number): number {
  if (SIMPLE.test(text)) return text.length
  let count = 0
  for (const _ of segmenter.segment(text)) if (++count > limit) break
  return count
}
