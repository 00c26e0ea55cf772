const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const

/** A length of time: `'500ms'`, `'10s'`, `'30m'`, `'12h'`, `'90d'`. */
export type Duration = `${number}${keyof typeof UNITS}`

/** Milliseconds of a duration, or null when the text is not one. */
export function milliseconds(duration: string): number | null {
  const match = /^(\d{1,9})(ms|s|m|h|d)$/.exec(duration)
  return match ? Number(match[1]) * UNITS[match[2] as keyof typeof UNITS] : null
}
