/** Hashes of passwords by what makes them, as far as their texts say it without doubt. */
const KINDS: readonly (readonly [kind: string, pattern: RegExp])[] = [
  ['bcrypt', /^\$2[aby]\$\d\d\$[./A-Za-z0-9]{53}$/],
  ['argon2', /^\$argon2(?:id|i|d)\$v=\d+\$m=\d+,t=\d+,p=\d+\$[\w+/-]+\$[\w+/-]+$/],
  ['pow', /^\$pbkdf2-sha(?:256|384|512)\$\d{1,8}\$[A-Za-z0-9+/]{8,}={0,2}\$[A-Za-z0-9+/]{22,}={0,2}$/],
  ['scrypt', /^\$scrypt\$ln=\d+,r=\d+,p=\d+\$[\w+/-]+={0,2}\$[\w+/-]+={0,2}$/],
  ['better-auth', /^[0-9a-f]{32}:[0-9a-f]{128}$/],
  ['django', /^(?:pbkdf2_sha(?:1|256)\$\d+\$[^$]+\$|argon2\$argon2|bcrypt(?:_sha256)?\$+2|scrypt\$)[^\s]+$/],
  ['firebase', /^\$fbscrypt\$[^$\s]+\$[\w+/=-]+\$[\w+/=-]+$/],
  ['firebase', /^\$firebase-scrypt\$[\w+/=-]+\$[\w+/=-]+$/],
]

/** Pawl reads these without being told of them. */
export const READ_ANYHOW: ReadonlySet<string> = new Set(['argon2', 'pow', 'scrypt'])

/** The hash as it is stored. Elixir's pbkdf2 writes `.` where Base64 has `+`. */
export function storedHash(hash: string): string {
  return /^\$pbkdf2-sha/.test(hash) ? hash.replaceAll('.', '+') : hash
}

/** What made a hash; null for a text that is none we know. */
export function hashKind(hash: string): string | null {
  return KINDS.find(([, pattern]) => pattern.test(hash))?.[0] ?? null
}
