/** What became of the rows. */
export interface Counts {
  imported: number
  already_there: number
  refused: number
  left_out: number
  /** Passwords from a table of their own. */
  passwords: number
  sessions: number
  suspended: number
  /** Users with a confirmed address. */
  confirmed: number
  /** Refused rows and rows left out, by their reasons. */
  reasons: Record<string, number>
  /** Hashes by what made them. */
  hashes: Record<string, number>
}

export function noCounts(): Counts {
  return {
    imported: 0,
    already_there: 0,
    refused: 0,
    left_out: 0,
    passwords: 0,
    sessions: 0,
    suspended: 0,
    confirmed: 0,
    reasons: {},
    hashes: {},
  }
}

export function addOne(counts: Record<string, number>, name: string): void {
  counts[name] = (counts[name] ?? 0) + 1
}
