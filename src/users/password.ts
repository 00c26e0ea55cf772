const segmenter = new Intl.Segmenter('en', { granularity: 'grapheme' })
// biome-ignore lint/suspicious/noControlCharactersInRegex: plain ASCII needs no segmenter, but CR LF is one grapheme
const SIMPLE = /^[\x00-\x0c\x0e-\x7f]*$/

/**
 * A password as it is hashed: NFC, and no other change. Null for text that is no password: a NUL, which would let
 * `p` and `p` + NUL share a hash, or half of a surrogate pair, which has no UTF-8.
 */
export function normalizePassword(text: string): string | null {
  return text.includes('\0') || !text.isWellFormed() ? null : text.normalize('NFC')
}

/** Length in graphemes, what a person would count; counting stops after `limit`. */
export function graphemes(text: string, limit: number): number {
  if (SIMPLE.test(text)) return text.length
  let count = 0
  for (const _ of segmenter.segment(text)) if (++count > limit) break
  return count
}
